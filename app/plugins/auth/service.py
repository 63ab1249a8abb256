"""Sessions: begin, end, list, and tell whether one lives."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, insert, select, update

from app.plugins.auth.models import AuthSession
from playhall import NotFound, session, session_revoked, uuid7


class AuthSessions:
    """The sessions of accounts; provides the core's `Sessions`."""

    def version(self, account: UUID, session_id: UUID, /) -> int | None:
        """The version of a live session, or None."""
        live = select(AuthSession.version).where(*_live(account), AuthSession.id == session_id)
        return session().execute(live).scalar_one_or_none()

    def open(self, account: UUID) -> UUID:
        """Begin a session; its id."""
        session_id = uuid7()
        session().execute(insert(AuthSession).values(account_id=account, id=session_id))
        return session_id

    def live(self, account: UUID) -> Select[AuthSession]:
        """Where an account is signed in."""
        return select(AuthSession).where(*_live(account))

    def revoke(self, account: UUID, session_id: UUID) -> None:
        """End one session, or raise NotFound when the account has no such live session. No later request of it is accepted."""
        if not self._revoke(account, AuthSession.id == session_id):
            raise NotFound("This account has no such session; it may have ended already")

    def revoke_all(self, account: UUID) -> int:
        """End every session of an account; how many there were."""
        return self._revoke(account)

    def _revoke(self, account: UUID, *which: ColumnElement[bool]) -> int:
        change = update(AuthSession).where(*_live(account), *which)
        change = change.values(revoked_at=func.now(), version=AuthSession.version + 1)
        ended = session().execute(change.returning(AuthSession.id, AuthSession.version)).all()
        for session_id, version in ended:
            session_revoked(account, session_id, version)
        return len(ended)


def _live(account: UUID) -> tuple[ColumnElement[bool], ...]:
    return AuthSession.account_id == account, AuthSession.revoked_at.is_(None)
