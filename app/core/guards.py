"""The guards of a request, before a byte of its body is looked at: who it is, how often, what they may."""

from __future__ import annotations

from flask import g, request
from structlog.contextvars import bind_contextvars

from app.core import auth, limits
from app.core.errors import DomainError, Forbidden, TooManyRequests, Unauthenticated
from app.core.guarding import sessions
from app.core.guarding.tokens import Identity, TokenRefused
from app.core.operation import DEFAULT_LIMIT, Operation


def check(operation: Operation) -> None:
    """Let the request pass, or raise Unauthenticated, TooManyRequests or Forbidden, in this order.

    A refused token counts for the address only. What is forbidden counts like any request: it is limited too.
    """
    if operation.public:
        limits.count_address(operation.limit)
        return
    identity = authenticate(operation.limit)
    if operation.permission and not auth.allows(identity.roles, operation.permission):
        raise Forbidden(f"This needs the permission {operation.permission}")
    if operation.idempotent:
        request.get_data()  # kept: the key is bound to these bytes, and a form parser would use them up


def authenticate(limit: str = DEFAULT_LIMIT) -> Identity:
    """Who sends this request: verified, counted and live; once for each request."""
    try:
        identity = auth.verify(auth.bearer())
    except TokenRefused as refused:
        raise refusal(str(refused)) from refused
    if g.get("identity") != identity:
        _admit(identity, limit)
        g.identity = identity
        bind_contextvars(account_id=identity.claims["sub"])
    return identity


def refusal(detail: str) -> DomainError:
    """The answer to a request that nobody vouches for, counted for its address: 401, or 429 when there were too many."""
    try:
        limits.count_address("core.unauthenticated")
    except TooManyRequests as error:
        return error
    return Unauthenticated(detail)


def _admit(identity: Identity, limit: str) -> None:
    account = identity.claims["sub"]
    key = sessions.key(account, identity.claims["sid"])
    counted = limits.count_account(limit, account, key)
    if counted is None:
        live = sessions.version(identity.account, identity.session) is not None
    elif counted.state == "unknown":
        live = sessions.is_live(identity.account, identity.session, counted)
        if live:
            limits.count_account(limit, account, None)
    else:
        live = counted.state != "dead"
    if not live:
        raise refusal("The session has ended; sign in again")
