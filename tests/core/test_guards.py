"""The order of the guards, and that none can be got around."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from guarding import SignIn, a_guarded_app, guarded, guarded_app, problem, sign_in
from sqlalchemy import QueuePool, event, text

from app.core import guards
from app.core.db import db, session, transaction
from app.core.limits import counters
from app.core.operation import Operation

__all__ = ["guarded", "guarded_app", "sign_in"]

MALFORMED: dict[str, Any] = {"data": b"{", "content_type": "application/json"}


@pytest.fixture
def statements(guarded_app: Flask) -> Callable[[], int]:
    """How many statements PostgreSQL was sent since."""
    seen: list[str] = []
    with guarded_app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return lambda: len(seen)


@pytest.fixture
def narrow(app: Flask, monkeypatch: pytest.MonkeyPatch, guarded_app: Flask) -> None:
    """The route of these tests may be called once a minute."""
    playhall = guarded_app.extensions["playhall"]
    monkeypatch.setattr(playhall, "limits", {**playhall.limits, "guarded.act": "1/minute"})


def test_a_malformed_body_without_a_token_is_401(guarded: FlaskClient) -> None:
    """Nobody's body is read before it is known who they are."""
    assert guarded.post("/guarded/strict", **MALFORMED).status_code == 401


def test_a_malformed_body_without_the_permission_is_403(guarded: FlaskClient, sign_in: SignIn) -> None:
    """Nor before it is known what they may."""
    answer = guarded.post("/guarded/strict", headers=sign_in(roles=["guest"]).headers, **MALFORMED)
    assert (answer.status_code, problem(answer)["code"]) == (403, "core.forbidden")


@pytest.mark.usefixtures("narrow")
def test_a_malformed_body_over_the_limit_is_429(guarded: FlaskClient, sign_in: SignIn) -> None:
    """Nor before it is known how often they came."""
    headers = sign_in().headers
    assert guarded.post("/guarded/strict", headers=headers, **MALFORMED).status_code == 400
    assert guarded.post("/guarded/strict", headers=headers, **MALFORMED).status_code == 429


@pytest.mark.usefixtures("narrow")
def test_what_is_forbidden_counts(guarded: FlaskClient, sign_in: SignIn) -> None:
    """A caller without the permission cannot knock for ever: 403 once, then 429."""
    headers = sign_in(roles=[]).headers
    answers = [guarded.post("/guarded/strict", headers=headers, json={"count": 1}).status_code for _ in range(2)]
    assert answers == [403, 429]


def test_a_wrong_body_opens_no_transaction(guarded: FlaskClient, sign_in: SignIn, statements: Callable[[], int]) -> None:
    """A body is judged while no connection is held."""
    headers = sign_in().headers
    assert guarded.get("/guarded/me", headers=headers).status_code == 200
    before = statements()
    assert guarded.post("/guarded/strict", headers=headers, json={"count": "many"}).status_code == 422
    assert guarded.post("/guarded/pay/1", headers={**headers, "Idempotency-Key": "k"}, json={"count": True}).status_code == 422
    assert statements() == before


def test_a_guarded_request_asks_redis_once_and_postgresql_not_at_all(
    guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn, statements: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All limits and the session's liveness are one call, once the session is known."""
    headers = sign_in().headers
    assert guarded.get("/guarded/me", headers=headers).status_code == 200
    calls: list[Any] = []
    with guarded_app.app_context():
        line = counters()._line
    exchange = line._exchange
    monkeypatch.setattr(line, "_exchange", lambda *args: (calls.append(args), exchange(*args))[1])
    before = statements()
    assert guarded.get("/guarded/me", headers=headers).status_code == 200
    assert (len(calls), statements()) == (1, before)


def test_asking_about_a_session_leaves_no_transaction_open(guarded_app: Flask, sign_in: SignIn) -> None:
    """The first request of a session asks PostgreSQL, and lets go of the connection before the body is parsed."""
    with guarded_app.test_request_context("/guarded/me", headers=sign_in().headers):
        guards.check(Operation())
        pool = db.engine.pool
        assert isinstance(pool, QueuePool)
        assert pool.checkedout() == 0


def test_both_guards_on_one_route_count_once(guarded: FlaskClient, sign_in: SignIn) -> None:
    """`jwt_required` under `operation` neither counts nor asks again."""
    headers = sign_in().headers
    first = int(guarded.get("/guarded/both", headers=headers).headers["RateLimit-Remaining"])
    second = int(guarded.get("/guarded/both", headers=headers).headers["RateLimit-Remaining"])
    assert first - second == 1


def test_jwt_required_alone_is_limited_too(guarded: FlaskClient, sign_in: SignIn) -> None:
    """A plugin that uses the library's decorator gets the default limit with it."""
    answer = guarded.get("/guarded/theirs", headers=sign_in().headers)
    assert answer.headers["RateLimit-Limit"] == "600"


def test_a_public_route_needs_no_token_and_minds_none(guarded: FlaskClient) -> None:
    """A wrong token on a public route is not looked at."""
    assert guarded.get("/guarded/open").status_code == 200
    assert guarded.get("/guarded/open", headers={"Authorization": "Bearer x"}).status_code == 200


def test_a_public_route_has_no_account(guarded: FlaskClient, sign_in: SignIn) -> None:
    """Asking for it is 401, not somebody's account."""
    assert guarded.get("/guarded/open/account", headers=sign_in().headers).status_code == 401


@pytest.mark.parametrize(
    ("roles", "status"), [(["player"], 201), (["admin"], 201), (["player", "x"], 201), (["Player"], 403), (["root"], 403), ([], 403)]
)
def test_a_permission_belongs_to_the_roles_that_have_it(guarded: FlaskClient, sign_in: SignIn, roles: list[str], status: int) -> None:
    """An unknown role grants nothing, and no role grants everything."""
    assert guarded.post("/guarded/strict", headers=sign_in(roles=roles).headers, json={"count": 1}).status_code == status


def test_without_a_plugin_that_keeps_sessions_nobody_is_signed_in(
    services: object, app: Flask, monkeypatch: pytest.MonkeyPatch, sign_in: SignIn
) -> None:
    """A signature alone is not enough."""
    token = sign_in().token
    monkeypatch.setenv("PLAYHALL_PLUGINS", "shop")
    with a_guarded_app() as alone:
        assert alone.test_client().get("/guarded/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_one_request_s_account_is_not_the_next_one_s(guarded: FlaskClient, sign_in: SignIn) -> None:
    """Nothing of a caller stays behind."""
    first, second = sign_in(), sign_in()
    told = [guarded.get("/guarded/me", headers=one.headers).get_json()["account"] for one in (first, second, first)]
    assert told == [str(first.account), str(second.account), str(first.account)]
    assert guarded.get("/guarded/me").status_code == 401


def test_a_get_that_writes_is_a_mistake(guarded: FlaskClient, sign_in: SignIn) -> None:
    """What it wrote would be lost in silence: 500, and the log names the route."""
    guarded.application.config["PROPAGATE_EXCEPTIONS"] = False
    assert guarded.get("/guarded/writes", headers=sign_in().headers).status_code == 500


def test_a_session_that_is_not_there_is_asked_for_once(
    guarded: FlaskClient, sign_in: SignIn, statements: Callable[[], int], guarded_app: Flask
) -> None:
    """A token that outlived its session costs PostgreSQL one statement, however often it is sent."""
    who = sign_in()
    with guarded_app.app_context():
        transaction(lambda: session().execute(text("DELETE FROM auth_session")))
    before = statements()
    assert {guarded.get("/guarded/me", headers=who.headers).status_code for _ in range(5)} == {401}
    assert statements() - before == 1
