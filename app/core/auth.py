"""Who sends a request, and what their roles allow. Issuing policy belongs to the plugin that keeps sessions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import cast
from uuid import UUID

from flask import current_app, g, request
from flask_jwt_extended import create_access_token

from app.core.errors import Unauthenticated
from app.core.guarding.tokens import Identity, TokenRefused, Verifier
from app.core.state import state

VERIFIER = "playhall-verifier"


def issue_access_token(account: UUID, session: UUID, roles: Iterable[str], lifetime: timedelta) -> str:
    """A signed token that speaks for the account while the session lives, and no longer than the lifetime."""
    claims = {"sid": str(session), "roles": sorted(roles)}
    return cast(str, create_access_token(str(account), expires_delta=lifetime, additional_claims=claims))


def bearer() -> str:
    """The token of this request, from the one place it may stand; raises TokenRefused."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise TokenRefused("Send the access token as Authorization: Bearer <token>")
    return token


def verify(token: str) -> Identity:
    """Who a token speaks for, if its session lives; raises TokenRefused."""
    return cast(Verifier, current_app.extensions[VERIFIER]).verify(token)


def current_account() -> UUID:
    """The account that sent this request."""
    return _identity().account


def current_session() -> UUID:
    """The session that this request belongs to."""
    return _identity().session


def current_roles() -> frozenset[str]:
    """The roles that this request's token brings."""
    return _identity().roles


def allows(roles: Iterable[str], permission: str) -> bool:
    """Whether one of the roles has the permission. No role has all; an unknown one has none."""
    return not set(state().permissions[permission].roles).isdisjoint(roles)


def _identity() -> Identity:
    identity: Identity | None = g.get("identity")
    if identity is None:
        raise Unauthenticated("This route is public: it has no account")
    return identity
