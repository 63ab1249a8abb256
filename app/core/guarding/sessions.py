"""Whether a session lives: remembered in Redis for seconds, decided in PostgreSQL."""

from __future__ import annotations

from typing import Protocol, runtime_checkable
from uuid import UUID

import svcs

from app.core import limits
from app.core.db import after_commit, session
from app.core.guarding.counters import Count, Unreachable
from app.core.services import get


@runtime_checkable
class Sessions(Protocol):
    """What the core asks of the plugin that keeps sessions."""

    def version(self, account: UUID, session: UUID) -> int | None:
        """The version of a live session, or None. A change of a session makes its version greater."""

    def open(self, account: UUID) -> UUID:
        """Begin a session of an account, in the transaction under way; its id."""


def key(account: UUID | str, session_id: UUID | str) -> str:
    """Where Redis remembers a session."""
    return f"playhall:session:{account}:{session_id}"


def version(account: UUID, session_id: UUID) -> int | None:
    """Ask PostgreSQL, and leave no transaction open behind. Without a plugin that keeps sessions there is no live one."""
    began = not session().in_transaction()
    try:
        return get(Sessions).version(account, session_id)
    except svcs.exceptions.ServiceNotFoundError:
        return None
    finally:
        if began:
            session().rollback()


def is_live(account: UUID, session_id: UUID, unknown: Count) -> bool:
    """Decide about a session that Redis did not know, and let Redis know for the next requests."""
    found = version(account, session_id)
    if found is None:
        limits.counters().bury(key(account, session_id))
        return False
    try:
        # The fill decides: between the question and now the session may have been revoked.
        return limits.counters().fill(key(account, session_id), found, unknown.milliseconds)
    except Unreachable:
        return True


def session_revoked(account: UUID, session_id: UUID, version: int) -> None:
    """Have every request of the session refused once this transaction has committed, and before its answer is sent.

    `version` is the session's after the change. While Redis is gone the mark waits for it, at most as long as a process
    that cannot be told believes what Redis said last (10 s).
    """
    after_commit(lambda: limits.counters().mark(key(account, session_id), version))
