"""A session that was revoked is refused from the moment the revoking request is answered, whatever the timing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from guarding import SignedIn, SignIn, guarded, guarded_app, sign_in
from redis import Redis

from app.core.db import session, transaction
from app.core.guarding import counters as counting
from app.core.guarding import sessions
from app.core.guarding.counters import Count, Counters, Unreachable
from app.core.limits import counters
from app.core.models import Account
from app.plugins.auth.service import AuthSessions
from playhall.testing.services import Services

__all__ = ["guarded", "guarded_app", "sign_in"]

ME = "/guarded/me"


def revoke(app: Flask, who: SignedIn) -> None:
    """Revoke as the route does."""
    with app.app_context():
        transaction(lambda: AuthSessions().revoke(who.account, who.session))


@pytest.fixture
def store(guarded_app: Flask) -> Counters:
    """The counters that the application uses."""
    with guarded_app.app_context():
        return counters()


@pytest.fixture
def redis(app: Flask, services: Services) -> Iterator[Redis]:
    """The Redis behind them."""
    with Redis.from_url(services.redis_url, decode_responses=True) as client:
        yield client


def key(who: SignedIn) -> str:
    return sessions.key(who.account, who.session)


def test_a_revoked_session_is_refused_at_once(guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn) -> None:
    """Also when it was used a moment ago, and others of the account live on."""
    one = sign_in()
    other = sign_in(one.account)
    assert [guarded.get(ME, headers=who.headers).status_code for who in (one, other)] == [200, 200]
    revoke(guarded_app, one)
    assert [guarded.get(ME, headers=who.headers).status_code for who in (one, other)] == [401, 200]


def test_revoking_all_sessions_spares_none(guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn) -> None:
    """Every session of the account ends, and nobody else's."""
    one, stranger = sign_in(), sign_in()
    both = [one, sign_in(one.account)]
    assert all(guarded.get(ME, headers=who.headers).status_code == 200 for who in (*both, stranger))
    with guarded_app.app_context():
        assert transaction(lambda: AuthSessions().revoke_all(one.account)) == 2
    assert [guarded.get(ME, headers=who.headers).status_code for who in (*both, stranger)] == [401, 401, 200]


def test_a_revocation_that_rolled_back_revokes_nothing(guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn) -> None:
    """The mark is written after the commit only."""
    who = sign_in()

    def fail() -> None:
        AuthSessions().revoke(who.account, who.session)
        raise RuntimeError

    with guarded_app.app_context(), pytest.raises(RuntimeError):
        transaction(fail)
    assert guarded.get(ME, headers=who.headers).status_code == 200


def test_a_fill_that_was_read_before_the_revocation_does_not_undo_it(
    guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request reads that the session lives, it is revoked, and only then the request writes what it read: refused, as is the next."""
    who = sign_in()
    ask = sessions.version

    def ask_then_be_overtaken(*ids: object) -> int | None:
        found = ask(*ids)  # type: ignore[arg-type]
        revoke(guarded_app, who)
        return found

    monkeypatch.setattr(sessions, "version", ask_then_be_overtaken)
    assert guarded.get(ME, headers=who.headers).status_code == 401
    monkeypatch.setattr(sessions, "version", ask)
    assert guarded.get(ME, headers=who.headers).status_code == 401


def test_a_fill_that_comes_late_is_not_written(store: Counters, redis: Redis) -> None:
    """Even when the mark of the revocation has gone already."""
    name = f"playhall:session:{uuid4()}:{uuid4()}"
    now = store.count([], name).milliseconds
    assert store.fill(name, 1, now - counting.FILL_SECONDS * 1000 - 1)
    assert redis.get(name) is None
    assert store.fill(name, 1, now)
    assert redis.get(name) == "1"
    assert 0 < redis.ttl(name) <= counting.LIVE_SECONDS


def test_the_newest_mark_stays(store: Counters, redis: Redis) -> None:
    """Marks and fills may arrive in any order; an older one changes nothing."""
    name = f"playhall:session:{uuid4()}:{uuid4()}"
    now = store.count([], name).milliseconds
    store.mark(name, 3)
    store.mark(name, 2)
    assert redis.get(name) == "-3"
    assert not store.fill(name, 2, now)
    assert not store.fill(name, 3, now)
    assert redis.get(name) == "-3"
    assert counting.FILL_SECONDS < redis.ttl(name) <= counting.MARK_SECONDS
    assert counting.MARK_SECONDS > counting.FILL_SECONDS, "a mark must outlive every fill that can still be under way"


def test_the_memory_of_a_live_session_is_short(guarded: FlaskClient, redis: Redis, sign_in: SignIn) -> None:
    """What Redis believes is asked again within seconds, without being used longer by being used."""
    who = sign_in()
    for _ in range(3):
        guarded.get(ME, headers=who.headers)
        assert 0 < redis.ttl(key(who)) <= counting.LIVE_SECONDS
        redis.expire(key(who), 2)


def test_a_request_during_the_hammering_is_never_accepted_after_the_answer(guarded_app: Flask, redis: Redis, sign_in: SignIn) -> None:
    """Eight threads use a session while it is revoked and Redis forgets it: no request that began after the answer passes."""
    for _ in range(10):
        who = sign_in()
        answered, stop = threading.Event(), threading.Event()
        late: list[int] = []

        def hammer(who: SignedIn = who, answered: threading.Event = answered, stop: threading.Event = stop, late: list[int] = late) -> None:
            client = guarded_app.test_client()
            after = 0
            while after < 5 and not stop.is_set():
                began_after = answered.is_set()
                status = client.get(ME, headers=who.headers).status_code
                if began_after:
                    late.append(status)
                    after += 1

        threads = [threading.Thread(target=hammer) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            redis.delete(key(who))
        client = guarded_app.test_client()
        assert client.delete(f"/api/v1/auth/sessions/{who.session}", headers=who.headers).status_code == 204
        answered.set()
        for thread in threads:
            thread.join(30)
        stop.set()
        assert len(late) == 40
        assert set(late) <= {401, 429}


def test_deleting_one_s_own_session_ends_it(guarded: FlaskClient, sign_in: SignIn) -> None:
    """The answer is 204, the next request 401."""
    who = sign_in()
    assert guarded.delete(f"/api/v1/auth/sessions/{who.session}", headers=who.headers).status_code == 204
    assert guarded.get("/api/v1/auth/sessions", headers=who.headers).status_code == 401


def test_another_account_s_session_cannot_be_ended(guarded: FlaskClient, sign_in: SignIn) -> None:
    """It is not even there."""
    mine, theirs = sign_in(), sign_in()
    assert guarded.delete(f"/api/v1/auth/sessions/{theirs.session}", headers=mine.headers).status_code == 404
    assert guarded.get(ME, headers=theirs.headers).status_code == 200


def test_an_ended_session_cannot_be_ended_again(guarded: FlaskClient, sign_in: SignIn) -> None:
    """It is not there any more."""
    mine = sign_in()
    other = sign_in(mine.account)
    answers = [guarded.delete(f"/api/v1/auth/sessions/{other.session}", headers=mine.headers).status_code for _ in range(2)]
    assert answers == [204, 404]


def test_the_list_shows_one_s_own_live_sessions(guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn) -> None:
    """Newest first, page by page; neither ended ones nor other accounts'."""
    mine = sign_in()
    more = [sign_in(mine.account) for _ in range(3)]
    sign_in()
    revoke(guarded_app, more[1])
    first = guarded.get("/api/v1/auth/sessions?limit=2", headers=mine.headers).get_json()
    rest = guarded.get(f"/api/v1/auth/sessions?limit=2&cursor={first['next_cursor']}", headers=mine.headers).get_json()
    shown = [item["id"] for item in first["items"] + rest["items"]]
    assert shown == [str(more[2].session), str(more[0].session), str(mine.session)]
    assert rest["next_cursor"] is None
    assert set(first["items"][0]) == {"id", "created_at"}


def test_deleting_an_account_ends_its_sessions_within_seconds(
    guarded: FlaskClient, guarded_app: Flask, redis: Redis, sign_in: SignIn
) -> None:
    """Rows that go without a word are noticed when Redis has forgotten."""
    who = sign_in(lifetime=timedelta(minutes=1))
    assert guarded.get(ME, headers=who.headers).status_code == 200
    with guarded_app.app_context():
        transaction(lambda: session().delete(session().get_one(Account, who.account)))
    redis.delete(key(who))
    assert guarded.get(ME, headers=who.headers).status_code == 401


@contextmanager
def unreachable(store: Counters) -> Iterator[None]:
    """Redis does not answer this process."""
    opened = store._breaker
    breaker = type(opened)(60)
    breaker.failed()
    store._breaker = breaker
    try:
        yield
    finally:
        store._breaker = opened


def test_without_redis_postgresql_decides(guarded: FlaskClient, guarded_app: Flask, store: Counters, sign_in: SignIn) -> None:
    """A live session is served and a revoked one refused."""
    one = sign_in()
    other = sign_in(one.account)
    assert guarded.get(ME, headers=one.headers).status_code == 200
    with unreachable(store):
        revoke(guarded_app, one)
        assert [guarded.get(ME, headers=who.headers).status_code for who in (one, other)] == [401, 200]


def test_a_mark_that_redis_missed_is_sent_when_it_is_back(
    guarded: FlaskClient, guarded_app: Flask, store: Counters, redis: Redis, sign_in: SignIn
) -> None:
    """A session that Redis still believes in is refused by the first request after the outage."""
    who = sign_in()
    assert guarded.get(ME, headers=who.headers).status_code == 200
    with unreachable(store):
        revoke(guarded_app, who)
    assert redis.get(key(who)) == "1"
    assert guarded.get(ME, headers=who.headers).status_code == 401
    assert redis.get(key(who)) == "-2"


def test_a_mark_that_nobody_needs_any_more_is_dropped(store: Counters, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an outage longer than the memory there is nothing to correct."""
    name = f"playhall:session:{uuid4()}:{uuid4()}"
    monkeypatch.setattr(counting, "LIVE_SECONDS", -1)
    with unreachable(store):
        store.mark(name, 2)
    store.count([], name)
    assert redis.get(name) is None
    assert not store._unsent


def test_redis_gone_between_the_question_and_the_fill_accepts_what_postgresql_said(
    guarded_app: Flask, store: Counters, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has decided; Redis only remembers."""
    who = sign_in()

    def gone(*_args: object) -> bool:
        raise Unreachable

    monkeypatch.setattr(store, "fill", gone)
    with guarded_app.app_context():
        assert sessions.is_live(who.account, who.session, Count("unknown", 0, 0, 0))
        assert not sessions.is_live(who.account, uuid4(), Count("unknown", 0, 0, 0))
