"""The audit log: who changed what, before and after, committed with the change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import g

from app.core.db import session
from app.core.events import correlation
from app.core.models import AuditEntry
from app.core.payload import encode

MASK = "***"
_SECRET = re.compile(r"passw|secret|token|api_?key|private_?key|credential|authorization|cookie|otp|recovery", re.IGNORECASE)


def audit(action: str, object: str, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None) -> None:  # noqa: A002 - the column's name
    """Record a change in the transaction under way, by the account of this request (or of the job's cause; else an operator).

    `action` is "<plugin>.<verb>", `object` names what was changed, for example "shop_product:0190...". A value whose name
    speaks of a secret is masked at any depth.
    """
    context = correlation() or {}
    entry = AuditEntry(account_id=_account(context), action=action, object=object, request_id=context.get("request_id"))
    entry.before = None if before is None else _masked(encode(before))
    entry.after = None if after is None else _masked(encode(after))
    session().add(entry)


def _account(context: Mapping[str, str]) -> UUID | None:
    if identity := g.get("identity"):
        account: UUID = identity.account
        return account
    return UUID(context["account_id"]) if "account_id" in context else None


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: MASK if _SECRET.search(name) and inner is not None else _masked(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    return value
