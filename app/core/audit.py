"""The audit log: who changed what, before and after, committed with the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import g

from app.core.db import session
from app.core.events import correlation
from app.core.masking import Mask
from app.core.models import AuditEntry
from app.core.payload import encode

_MASK = Mask()


def audit(action: str, object: str, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None) -> None:  # noqa: A002 - the column's name
    """Record a change in the transaction under way, by the account of this request (or of the job's cause; else an operator).

    `action` is "<plugin>.<verb>", `object` names what was changed, for example "shop_product:0190...". A value whose name
    speaks of a secret is masked at any depth.
    """
    context = correlation() or {}
    session().add(
        AuditEntry(
            account_id=_account(context),
            action=action,
            object=object,
            before=_masked(before),
            after=_masked(after),
            request_id=context.get("request_id"),
        )
    )


def _account(context: Mapping[str, str]) -> UUID | None:
    if identity := g.get("identity"):
        account: UUID = identity.account
        return account
    return UUID(context["account_id"]) if "account_id" in context else None


def _masked(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else dict(_MASK(None, "", encode(dict(values))))
