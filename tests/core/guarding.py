"""Routes under every kind of guard, and accounts that are signed in, for the tests of the guards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from flask_jwt_extended import jwt_required

from app import create_app
from app.core.auth import current_account, current_roles, current_session, issue_access_token
from app.core.db import after_commit, db, session, transaction
from app.core.errors import DomainError
from app.core.guarding.sessions import Sessions
from app.core.guarding.tokens import Identity
from app.core.http import Blueprint
from app.core.models import Account, AuditEntry
from app.core.operation import operation
from app.core.plugin import Permission
from app.core.schemas import Schema
from app.core.services import get
from playhall import fields

LIFETIME = timedelta(minutes=10)


class Refused(DomainError):
    code, status, title = "guarded.refused", 409, "The business said no"


class Body(Schema):
    """What the guarded routes take."""

    count = fields.Integer(required=True)


class More(Schema):
    """What one of them takes in its query."""

    more = fields.Integer()


class Answer(Schema):
    """What they give."""

    note = fields.String(required=True)


def guarded_blueprint() -> Blueprint:
    """A fresh blueprint: each application gets its own."""
    blueprint = Blueprint("guarded", __name__)

    @blueprint.get("/me")
    @operation()
    def me() -> dict[str, Any]:
        return {"account": str(current_account()), "session": str(current_session()), "roles": sorted(current_roles())}

    @blueprint.get("/theirs")
    @jwt_required()
    def theirs() -> dict[str, Any]:
        return {"account": str(current_account()), "session": str(current_session()), "roles": sorted(current_roles())}

    @blueprint.get("/both")
    @operation()
    @jwt_required()
    def both() -> dict[str, Any]:
        return {"account": str(current_account())}

    @blueprint.get("/open")
    @operation(public=True, limit="guarded.open")
    def open_to_all() -> dict[str, Any]:
        return {}

    @blueprint.get("/open/account")
    @operation(public=True, limit="guarded.open")
    def nobody() -> dict[str, Any]:
        return {"account": str(current_account())}

    @blueprint.post("/strict")
    @operation(permission="guarded:act", limit="guarded.act")
    @blueprint.arguments(Body)
    @blueprint.response(201, Answer)
    def strict(body: dict[str, Any]) -> dict[str, Any]:
        return {"note": f"counted {body['count']}"}

    @blueprint.route("/many", methods=["GET", "POST", "DELETE"])
    @operation(limit="guarded.act")
    def many() -> dict[str, Any]:
        return {}

    @blueprint.post("/pay/<int:number>")
    @operation(idempotent=True, errors=[Refused])
    @blueprint.arguments(More, location="query")
    @blueprint.arguments(Body)
    @blueprint.response(201, Answer, headers={"Location": {"schema": {"type": "string"}}})
    def pay(query: dict[str, Any], body: dict[str, Any], number: int) -> Any:
        note = work(body["count"])
        return {"note": note}, {"Location": f"/payments/{number}"}

    @blueprint.get("/writes")
    @operation()
    def writes() -> Any:
        session().add(AuditEntry(action="lost", object="lost"))
        return {}

    @blueprint.post("/refuse")
    @operation()
    def refuse() -> Any:
        return refusal_after_effect()

    @blueprint.post("/refuse/once")
    @operation(idempotent=True)
    def refuse_once() -> Any:
        return refusal_after_effect()

    @blueprint.post("/form")
    @operation(idempotent=True)
    @blueprint.arguments(Answer, location="form")
    @blueprint.response(201, Answer)
    def form(body: dict[str, Any]) -> dict[str, Any]:
        return body

    return blueprint


def effect(count: int) -> str:
    """Write one row that can be counted; refuse a negative count, and break on zero."""
    entry = AuditEntry(account_id=current_account(), action="guarded.paid", object=f"count:{count}")
    session().add(entry)
    session().flush()
    if count < 0:
        raise Refused
    if count == 0:
        raise RuntimeError("the work broke")
    return f"paid {count} as {entry.id}"


called: list[str] = []  # what ran after a commit


def refusal_after_effect() -> Any:
    """Write a row, promise something for after the commit, and answer with a refusal."""
    effect(1)
    after_commit(lambda: called.append("after a refusal"))
    return {}, 409


work: Callable[[int], str] = effect  # what the view of /pay does; tests put something else there


def make_guarded_app(limits: Mapping[str, str] | None = None) -> Flask:
    """A booted application with the guarded routes."""
    app = create_app()
    playhall = app.extensions["playhall"]
    act = Permission(name="guarded:act", description="Act", roles=("player", "admin"))
    playhall.permissions = {**playhall.permissions, act.name: act}
    playhall.limits = {**playhall.limits, "guarded.open": "1000/minute", "guarded.act": "1000/minute", **(limits or {})}
    app.register_blueprint(guarded_blueprint(), url_prefix="/guarded")
    return app


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An account with a live session and its token."""

    account: UUID
    session: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What its requests carry."""
        return {"Authorization": f"Bearer {self.token}"}


SignIn = Callable[..., SignedIn]


@contextmanager
def a_guarded_app(limits: Mapping[str, str] | None = None) -> Iterator[Flask]:
    """Such an application, whose connections are closed at the end."""
    app = make_guarded_app(limits)
    try:
        yield app
    finally:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture(scope="module")
def guarded_app(migrated_app: Flask) -> Iterator[Flask]:
    """The application with the guarded routes; `app` of each test empties the tables beneath it."""
    with a_guarded_app() as app:
        yield app


@pytest.fixture
def guarded(app: Flask, guarded_app: Flask) -> FlaskClient:
    """A client of the guarded routes that is not signed in."""
    return guarded_app.test_client()


@pytest.fixture
def sign_in(app: Flask, guarded_app: Flask) -> SignIn:
    """Make accounts that are signed in: `sign_in()`, `sign_in(roles=["admin"])`, `sign_in(account)` for another session."""

    def make(account: UUID | None = None, *, roles: Iterable[str] = ("player",), lifetime: timedelta = LIFETIME) -> SignedIn:
        with guarded_app.app_context():
            account_id, session_id = transaction(lambda: _open(account))
            return SignedIn(account_id, session_id, issue_access_token(account_id, session_id, roles, lifetime))

    return make


def _open(account: UUID | None) -> tuple[UUID, UUID]:
    if account is None:
        row = Account()
        session().add(row)
        session().flush()
        account = row.id
    return account, get(Sessions).open(account)


def g_identity(who: SignedIn) -> None:
    """Let the request under way be this account's, as the guards would."""
    g.identity = Identity(who.account, who.session, frozenset(), {})


def problem(response: Any) -> dict[str, Any]:
    """The problem document of an answer, which must be one."""
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = response.get_json()
    assert document["status"] == response.status_code
    return document


__all__ = ["guarded", "guarded_app", "sign_in"]
