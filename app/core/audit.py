"""The audit log: who changed what, before and after, committed with the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import g, has_request_context, request

from app.core.db import session
from app.core.events import correlation
from app.core.models import AuditEntry
from app.core.operating.masking import Mask
from app.core.queue.payload import encode
from app.core.web.problems import REQUEST_ID

_MASK = Mask()


def audit(action: str, object: str, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None) -> None:  # noqa: A002 - the column's name
    """Record a change in the transaction under way, by the account of this request (or of the job's cause; else an operator).

    `action` is "<plugin>.<verb>", `object` names what was changed, for example "shop_product:0190...". A value whose name
    speaks of a secret is masked at any depth.
    """
    account, request_id = _cause()
    session().add(
        AuditEntry(account_id=account, action=action, object=object, before=_masked(before), after=_masked(after), request_id=request_id)
    )


def _cause() -> tuple[UUID | None, str | None]:
    """The account and the request that this is done for."""
    if has_request_context():
        identity = g.get("identity")
        return identity.account if identity else None, request.environ.get(REQUEST_ID)
    context = correlation() or {}
    account = context.get("account_id")
    return UUID(account) if account else None, context.get("request_id")


def _masked(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else dict(_MASK(None, "", encode(dict(values))))
