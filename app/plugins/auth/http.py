"""Auth over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.plugins.auth import schemas
from app.plugins.auth.models import AuthSession
from app.plugins.auth.service import AuthSessions
from playhall import Blueprint, NotFound, PageQuery, current_account, operation, page, page_of

blueprint = Blueprint("auth", __name__, description="Signing in, and where one is signed in.")


@blueprint.get("/sessions")
@operation()
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.Session))
def sessions(query: dict[str, Any]) -> dict[str, Any]:
    """List where one is signed in, newest first."""
    return page(AuthSessions().live(current_account()), key=(AuthSession.id,), query=query)


@blueprint.delete("/sessions/<uuid:session>")
@operation(errors=[NotFound])
@blueprint.response(204)
def end_session(session: UUID) -> None:
    """Sign out one session. Its next request is refused."""
    AuthSessions().revoke(current_account(), session)
