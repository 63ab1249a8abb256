"""Limits: what counts, for whom, what the answers say, and what happens without Redis."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from guarding import SignIn, a_guarded_app, guarded, guarded_app, problem, sign_in
from redis import Redis
from werkzeug.routing import IntegerConverter, Rule, UUIDConverter

from app.core import limits
from app.core.guarding import rates
from app.core.guarding.breaker import Breaker
from app.core.guarding.counters import FAILED_OPEN, PAUSE, Counters
from app.core.guarding.rates import Rate, parse
from app.core.guarding.redis_line import Line
from app.core.limits import CORE_LIMITS, counters, subject
from app.core.operating.access import PROBES
from app.core.settings import CoreSettings
from app.embedded.redis import EmbeddedRedis
from playhall.testing.services import Services

__all__ = ["guarded", "guarded_app", "sign_in"]


class SetLimit:
    """Sets the rate of a limit for one test."""

    def __init__(self, app: Flask, patch: pytest.MonkeyPatch) -> None:
        self._app, self._patch = app, patch

    def __call__(self, name: str, rate: str) -> None:
        playhall = self._app.extensions["playhall"]
        self._patch.setattr(playhall, "limits", {**playhall.limits, name: rate})


@pytest.fixture
def set_limit(guarded_app: Flask, monkeypatch: pytest.MonkeyPatch) -> SetLimit:
    """`set_limit("guarded.act", "2/minute")`"""
    return SetLimit(guarded_app, monkeypatch)


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


def rate(amount: int, seconds: int = 60) -> Rate:
    """A rate that no other test counts under."""
    return Rate(f"test.{uuid4()}", amount, seconds)


# --- counting ------------------------------------------------------------------------------------------------------


def test_exactly_as_many_pass_as_the_rate_says(store: Counters) -> None:
    """The one after is refused, and is told when to come back."""
    one = rate(3)
    counts = [store.count([(one, "somebody")]) for _ in range(5)]
    assert [(count.state, count.remaining) for count in counts] == [("ok", 2), ("ok", 1), ("ok", 0), ("over", 0), ("over", 0)]
    assert all(0 < count.milliseconds <= 60_000 and count.amount == 3 for count in counts)


def test_at_once_as_many_pass_as_one_after_the_other(store: Counters) -> None:
    """Counting and looking are one step: sixteen threads get exactly what the rate allows."""
    one, passed, barrier = rate(50), [], threading.Barrier(16)

    def run() -> None:
        barrier.wait()
        passed.extend(store.count([(one, "somebody")]).state for _ in range(10))

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (passed.count("ok"), passed.count("over")) == (50, 110)


def test_a_refused_request_makes_no_window_longer(store: Counters, redis: Redis) -> None:
    """Nor does one that passes: the window ends when its first request said."""
    one = rate(2)
    key = (one.prefix + b"somebody").decode()
    store.count([(one, "somebody")])
    redis.pexpire(key, 5_000)
    for _ in range(10):
        store.count([(one, "somebody")])
    assert redis.pttl(key) <= 5_000
    assert redis.get(key) == "2"


def test_after_the_window_everything_passes_again(store: Counters, redis: Redis) -> None:
    """A window that ended leaves nothing behind."""
    one = rate(1, seconds=1)
    assert [store.count([(one, "somebody")]).state for _ in range(2)] == ["ok", "over"]
    wait = store.count([(one, "somebody")]).milliseconds
    time.sleep(wait / 1000 + 0.01)
    assert store.count([(one, "somebody")]).state == "ok"


def test_what_one_rate_refuses_counts_under_none(store: Counters) -> None:
    """A caller who is over one rate does not use up another."""
    tight, wide = rate(1), rate(10)
    for _ in range(5):
        store.count([(wide, "a"), (tight, "a")])
    assert store.count([(wide, "a")]).remaining == 8


def test_subjects_are_counted_apart(store: Counters) -> None:
    """One caller's requests are not another's."""
    one = rate(1)
    assert [store.count([(one, who)]).state for who in ("a", "b", "a", "b")] == ["ok", "ok", "over", "over"]


def test_the_answer_names_the_rate_that_is_nearest_to_its_end(store: Counters) -> None:
    """And of several that are used up the one that lasts longest: an earlier return would be refused again."""
    wide, tight, long = rate(100), rate(5), rate(5, seconds=3600)
    assert store.count([(wide, "a"), (tight, "a")]).amount == 5
    for _ in range(4):
        store.count([(tight, "a"), (long, "a")])
    store.count([(long, "a")])
    over = store.count([(tight, "a"), (long, "a")])
    assert over.state == "over"
    assert over.milliseconds > 60_000


def test_an_unknown_session_counts_nothing(store: Counters) -> None:
    """Until it is known to live; a revoked one counts nothing either."""
    one, name = rate(5), f"playhall:session:{uuid4()}:{uuid4()}"
    unknown = store.count([(one, "a")], name)
    assert unknown.state == "unknown"
    assert abs(unknown.milliseconds / 1000 - time.time()) < 60
    store.mark(name, 2)
    assert store.count([(one, "a")], name).state == "dead"
    assert store.count([(one, "a")]).remaining == 4


# --- requests ------------------------------------------------------------------------------------------------------

LIMIT = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def test_an_account_has_its_own_limit(guarded: FlaskClient, sign_in: SignIn, set_limit: SetLimit) -> None:
    """Whatever session and address it comes from."""
    set_limit("guarded.act", "2/minute")
    one = sign_in()
    same, other = sign_in(one.account), sign_in()
    callers = [(one, "10.0.0.1"), (same, "10.0.0.2"), (one, "10.0.0.3"), (other, "10.0.0.1")]
    answers = [guarded.get("/guarded/many", headers=who.headers, environ_base={"REMOTE_ADDR": address}) for who, address in callers]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]


def test_all_accounts_of_an_address_share_one(guarded: FlaskClient, sign_in: SignIn, set_limit: SetLimit) -> None:
    """A thousand accounts made in one place are no way around the limit."""
    set_limit("core.address", "2/minute")
    answers = [guarded.get("/guarded/me", headers=sign_in().headers).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    elsewhere = {"REMOTE_ADDR": "10.9.9.9"}
    assert guarded.get("/guarded/me", headers=sign_in().headers, environ_base=elsewhere).status_code == 200


def test_a_public_route_counts_by_address(guarded: FlaskClient, set_limit: SetLimit) -> None:
    """Nobody is signed in there."""
    set_limit("guarded.open", "2/minute")
    answers = [
        guarded.get("/guarded/open", environ_base={"REMOTE_ADDR": address}).status_code for address in ("10.0.0.1",) * 3 + ("10.0.0.2",)
    ]
    assert answers == [200, 200, 429, 200]


def test_every_answer_says_how_much_is_left(guarded: FlaskClient, sign_in: SignIn, set_limit: SetLimit) -> None:
    """Answers, refusals and errors alike; a refusal says when to come back."""
    set_limit("guarded.act", "3/minute")
    headers = sign_in().headers
    answers = [
        guarded.post("/guarded/strict", headers=headers, json={"count": 1}),
        guarded.post("/guarded/strict", headers=headers, json={"count": "x"}),
        guarded.post("/guarded/strict", headers=headers, data=b"{", content_type="application/json"),
        guarded.post("/guarded/strict", headers=headers, json={"count": 1}),
    ]
    assert [answer.status_code for answer in answers] == [201, 422, 400, 429]
    assert [[answer.headers[name] for name in LIMIT[:2]] for answer in answers] == [["3", "2"], ["3", "1"], ["3", "0"], ["3", "0"]]
    assert all(0 < int(answer.headers["RateLimit-Reset"]) <= 60 for answer in answers)
    assert problem(answers[-1])["code"] == "core.too_many_requests"
    assert answers[-1].headers["Retry-After"] == answers[-1].headers["RateLimit-Reset"]
    assert "Retry-After" not in answers[0].headers


def test_an_error_of_ours_says_it_too(guarded: FlaskClient, sign_in: SignIn) -> None:
    """500 is an answer that was limited."""
    answer = guarded.post("/guarded/pay/1", headers={**sign_in().headers, "Idempotency-Key": "k"}, json={"count": 0})
    assert answer.status_code == 500
    assert set(LIMIT) <= set(answer.headers.keys())


@pytest.mark.parametrize("path", ["/guarded/me", "/guarded/theirs"])
def test_a_401_counts_for_the_address_only_and_becomes_429(guarded: FlaskClient, sign_in: SignIn, set_limit: SetLimit, path: str) -> None:
    """Guessing tokens is limited; those who hold a genuine one are not hurt by it."""
    set_limit("core.unauthenticated", "3/minute")
    wrong = [guarded.get(path, headers={"Authorization": f"Bearer {number}"}) for number in range(5)]
    assert [answer.status_code for answer in wrong] == [401, 401, 401, 429, 429]
    assert wrong[0].headers["RateLimit-Remaining"] == "2"
    assert "Retry-After" in wrong[-1].headers
    genuine = guarded.get(path, headers=sign_in().headers)
    assert (genuine.status_code, genuine.headers["RateLimit-Remaining"]) == (200, "599")
    assert guarded.get(path, environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 401


def test_a_session_that_ended_counts_for_the_address_only(guarded: FlaskClient, sign_in: SignIn, set_limit: SetLimit) -> None:
    """Its account's limit is left to its other sessions."""
    set_limit("guarded.act", "3/minute")
    set_limit("core.unauthenticated", "2/minute")
    one = sign_in()
    other = sign_in(one.account)
    guarded.delete(f"/api/v1/auth/sessions/{one.session}", headers=one.headers)
    assert [guarded.get("/guarded/many", headers=one.headers).status_code for _ in range(3)] == [401, 401, 429]
    assert guarded.get("/guarded/many", headers=other.headers).headers["RateLimit-Remaining"] == "2"


def test_settings_override_what_was_declared(guarded: FlaskClient, guarded_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the limit's name."""
    settings = SimpleNamespace(limits={"guarded.open": "7/hour"})
    monkeypatch.setattr(guarded_app.extensions["playhall"], "settings", settings)
    assert guarded.get("/guarded/open").headers["RateLimit-Limit"] == "7"


def test_every_window_of_a_limit_holds(guarded: FlaskClient, set_limit: SetLimit) -> None:
    """Five a minute and seven an hour are both kept."""
    set_limit("guarded.open", "5/minute;7/hour")
    answers = [guarded.get("/guarded/open") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[0].headers["RateLimit-Limit"] == "5"


@pytest.mark.parametrize(
    ("client", "counted_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_customer_is_one_network(client: str, counted_as: str) -> None:
    """Who is given 2^64 addresses is counted once; IPv4 in IPv6 clothes is IPv4."""
    assert subject(client) == counted_as


# --- the library's trap --------------------------------------------------------------------------------------------


def every_method(app: Flask) -> list[tuple[str, str]]:
    """Every method of every rule, with something in the place of its variables. The edge answers OPTIONS."""
    found = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            values = {name: _example(rule, name) for name in rule.arguments}
            url = rule.build(values, append_unknown=False)
            assert url is not None, rule
            found += [(method, url[1]) for method in sorted((rule.methods or set()) - {"OPTIONS"})]
    return found


def _example(rule: Rule, name: str) -> object:
    converter = rule._converters[name]
    return uuid4() if isinstance(converter, UUIDConverter) else 1 if isinstance(converter, IntegerConverter) else "x"


def test_no_method_of_any_rule_is_without_its_limit(guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn) -> None:
    """Before and after every sibling method was called: a limit is never forgotten."""
    headers = {**sign_in().headers, "Idempotency-Key": "k"}
    routes = [(method, path) for method, path in every_method(guarded_app) if path not in PROBES]
    assert {("GET", "/guarded/many"), ("POST", "/guarded/many"), ("DELETE", "/guarded/many"), ("HEAD", "/guarded/many")} <= set(routes)
    unlimited = [f"{method} {path}" for _ in range(2) for method, path in routes if LIMIT[0] not in _call(guarded, method, path, headers)]
    assert not unlimited


def _call(client: FlaskClient, method: str, path: str, headers: dict[str, str]) -> set[str]:
    with client.open(path, method=method, headers=headers) as answer:
        return set(answer.headers.keys())


def test_every_method_counts_towards_one_limit(guarded: FlaskClient, sign_in: SignIn, set_limit: SetLimit) -> None:
    """Another method is no way around a limit that is used up."""
    set_limit("guarded.act", "3/minute")
    headers = sign_in().headers
    answers = [
        guarded.open("/guarded/many", method=method, headers=headers).status_code
        for method in ("GET", "POST", "DELETE", "GET", "POST", "HEAD")
    ]
    assert answers == [200, 200, 200, 429, 429, 429]


def test_flask_limiter_checks_nothing_itself(guarded_app: Flask) -> None:
    """Its hooks would add round trips to every request."""
    hooks = [
        *guarded_app.before_request_funcs.get(None, []),
        *guarded_app.after_request_funcs.get(None, []),
        *guarded_app.teardown_request_funcs.get(None, []),
    ]
    assert not [hook for hook in hooks if "limiter" in repr(hook).lower()]


# --- without Redis -------------------------------------------------------------------------------------------------


def dead_counters(**options: object) -> Counters:
    """Counters of a Redis that is not there."""
    return Counters(Line(Redis(host="127.0.0.1", port=1, **limits._storage_options(5), **options)))  # type: ignore[arg-type]


@pytest.fixture
def without_redis(guarded_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application's Redis is gone."""
    monkeypatch.setitem(guarded_app.extensions, limits.EXTENSION, dead_counters())


@pytest.mark.usefixtures("without_redis")
def test_without_redis_requests_pass_and_are_counted_as_such(guarded: FlaskClient, sign_in: SignIn, set_limit: SetLimit) -> None:
    """Reading, spending and public routes work; a metric tells the operator."""
    set_limit("guarded.act", "1/minute")
    set_limit("guarded.open", "1/minute")
    headers = {**sign_in().headers, "Idempotency-Key": "k"}
    before = FAILED_OPEN._value.get()
    answers = [guarded.get("/guarded/many", headers=headers).status_code for _ in range(3)]
    answers += [guarded.get("/guarded/open").status_code for _ in range(3)]
    assert answers == [200] * 6
    assert guarded.post("/guarded/pay/1", headers=headers, json={"count": 1}).status_code == 201
    assert FAILED_OPEN._value.get() - before >= 7


@pytest.mark.usefixtures("without_redis")
def test_without_redis_a_wrong_token_is_still_refused(guarded: FlaskClient) -> None:
    """What fails open are the limits, never the token."""
    assert [guarded.get(path).status_code for path in ("/guarded/me", "/guarded/theirs")] == [401, 401]


@pytest.fixture
def fragile(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Flask, EmbeddedRedis]]:
    """An application over a Redis of its own, which the test may break."""
    with EmbeddedRedis(tmp_path, durable=False) as server:
        monkeypatch.setenv("REDIS_URL", server.url)
        monkeypatch.setenv("PLAYHALL_REDIS_TIMEOUT_MS", "100")
        with a_guarded_app({"guarded.act": "2/hour"}) as made:
            yield made, server


def test_a_frozen_redis_costs_one_time_out_a_second(
    fragile: tuple[Flask, EmbeddedRedis], sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one for each request; when it thaws, the limits hold again."""
    app, server = fragile
    client, who = app.test_client(), sign_in()
    with app.app_context():
        line = counters()._line
    tries: list[object] = []
    exchange = line._exchange
    monkeypatch.setattr(line, "_exchange", lambda *args: (tries.append(args), exchange(*args))[1])
    assert client.get("/guarded/many", headers=who.headers).status_code == 200
    os.kill(server.pid, signal.SIGSTOP)
    try:
        tries.clear()
        began = time.monotonic()
        answers = [client.get("/guarded/many", headers=who.headers).status_code for _ in range(30)]
        assert set(answers) == {200}
        assert 1 <= len(tries) <= 1 + (time.monotonic() - began) / PAUSE
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert _until(lambda: client.get("/guarded/many", headers=who.headers).status_code == 429)


def test_a_redis_that_was_killed_and_came_back_is_used_again(fragile: tuple[Flask, EmbeddedRedis], sign_in: SignIn) -> None:
    """Requests pass meanwhile, and a session that was revoked meanwhile is refused."""
    app, server = fragile
    client, one = app.test_client(), sign_in()
    other = sign_in(one.account)
    assert client.get("/guarded/me", headers=one.headers).status_code == 200
    server.stop()
    assert client.delete(f"/api/v1/auth/sessions/{one.session}", headers=other.headers).status_code == 204
    assert client.get("/guarded/me", headers=one.headers).status_code == 401
    server.start()
    assert _until(lambda: "RateLimit-Limit" in client.get("/guarded/me", headers=other.headers).headers)
    assert client.get("/guarded/me", headers=one.headers).status_code == 401


def _until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return met


def test_the_time_out_is_a_setting_and_short(store: Counters, guarded_app: Flask) -> None:
    """A request never waits long for something it can do without. Tests wait longer: a busy machine is no outage."""
    options = store._line._pool.connection_kwargs
    settings: CoreSettings = guarded_app.extensions["playhall"].settings
    assert options["socket_timeout"] == options["socket_connect_timeout"] == settings.redis_timeout_ms / 1000
    assert CoreSettings().redis_timeout_ms <= 100


def test_after_a_failure_one_caller_in_a_while_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody else is let past; when a try works, everybody tries again."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr("app.core.guarding.breaker.time.monotonic", lambda: clock.now)
    breaker = Breaker(1.0)
    assert breaker.allows()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    clock.now += 1
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.worked()
    assert breaker.allows()
    assert breaker.allows()


def test_redis_that_lost_the_script_gets_it_again(guarded: FlaskClient, redis: Redis) -> None:
    """A restarted Redis knows nothing; no request notices."""
    guarded.get("/guarded/open")
    redis.script_flush()
    assert guarded.get("/guarded/open").headers["RateLimit-Remaining"] == "998"


# --- spelling ------------------------------------------------------------------------------------------------------


def test_a_rate_is_read_as_it_is_written() -> None:
    """Several windows, plurals, multiples."""
    assert parse("x", "10/second;600/minute") == (Rate("x", 10, 1), Rate("x", 600, 60))
    assert parse("x", "10/5minutes") == parse("x", "10 per 5 minute") == (Rate("x", 10, 300),)


@pytest.mark.parametrize(
    "text", ["", "many", "10", "10/fortnight", "-1/minute", "1.5/minute", "0/minute", "5/minute;9/minute", "5/0minute;5/minute"]
)
def test_a_wrong_rate_is_refused_with_an_example(text: str) -> None:
    """Every way to say nothing, or two things at once."""
    with pytest.raises(ValueError, match=r"write for example|at least 1|keep the smaller"):
        parse("x", text)


def test_wrong_limits_are_reported_together() -> None:
    """Unknown names, wrong rates in settings and wrong defaults of plugins, each with what to do."""
    found = rates.problems({"loot.open": "often", "core.default": "1/minute"}, {"core.defalt": "1/minute", "core.default": "never"})
    assert len(found) == 3
    assert "no limit 'core.defalt'" in found[0]
    assert "core.default, loot.open" in found[0]
    assert "limit loot.open: 'often' is not a rate" in found[1]
    assert "PLAYHALL_LIMITS: core.default: 'never' is not a rate" in found[2]


def test_the_core_s_own_limits_are_sound(guarded_app: Flask) -> None:
    """And declared in every application."""
    assert rates.problems(CORE_LIMITS, {}) == []
    assert CORE_LIMITS.items() <= guarded_app.extensions["playhall"].limits.items()


def test_a_wrong_rate_stops_the_boot(services: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting's name in the message."""
    from app import create_app
    from app.core.errors import PluginError

    monkeypatch.setenv("PLAYHALL_LIMITS", "core.default=sometimes,core.nothing=1/minute")
    with pytest.raises(PluginError, match=r"there is no limit 'core.nothing'(.|\n)*core.default: 'sometimes' is not a rate"):
        create_app()


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::/64"),
        ("2001:db8::1", "2001:db8::/64"),
        ("a:b:c", "a:b:c"),
    ],
)
def test_a_port_makes_no_new_client(client: str, counted: str) -> None:
    """Some proxies add it; what is no address at all is still one subject."""
    assert limits.subject(client) == counted
