"""A request that is sent twice with one key happens once, whatever the timing and whatever breaks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import guarding
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from guarding import SignedIn, SignIn, a_guarded_app, guarded, guarded_app, problem, sign_in
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from app.core import idempotency
from app.core.db import db, session, transaction
from app.core.models import Account, AuditEntry, IdempotencyKey
from app.core.querying import wire
from app.core.statement import Statement

__all__ = ["guarded", "guarded_app", "sign_in"]


def pay(
    client: FlaskClient, who: SignedIn, key: str | None = "k", *, count: int = 5, path: str = "/guarded/pay/1", **options: Any
) -> TestResponse:
    """Send the idempotent request."""
    headers = who.headers if key is None else {**who.headers, "Idempotency-Key": key}
    return client.post(path, headers=headers, **({"json": {"count": count}} | options))


@pytest.fixture
def effects(guarded_app: Flask) -> Callable[[], int]:
    """How often the work was done and kept."""

    def count() -> int:
        with guarded_app.app_context():
            return len(db.session.scalars(select(AuditEntry.id)).all())

    return count


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """The work tells that it has begun and waits to be let go: (begun, go)."""
    begun, go = threading.Event(), threading.Event()

    def work(count: int) -> str:
        begun.set()
        assert go.wait(20)
        return guarding.effect(count)

    monkeypatch.setattr(guarding, "work", work)
    yield begun, go
    go.set()


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was sent past SQLAlchemy: the first words of each statement, by round trip."""
    seen: list[list[str]] = []
    exchange = wire.exchange

    def note(connection: Any, prepared: Any, calls: Sequence[wire.Call]) -> Any:
        seen.append([" ".join(sql.split()[:3]) for sql, *_ in calls])
        return exchange(connection, prepared, calls)

    monkeypatch.setattr(wire, "exchange", note)
    return seen


# --- the contract --------------------------------------------------------------------------------------------------


def test_a_repeated_request_gets_the_first_answer_again(guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int]) -> None:
    """Status, body to the byte, and the headers that the view set; and it says that it is a repetition."""
    who = sign_in()
    first, again = pay(guarded, who), pay(guarded, who)
    assert (again.status_code, again.data, again.content_type) == (first.status_code, first.data, first.content_type)
    assert (first.status_code, first.headers["Location"], again.headers["Location"]) == (201, "/payments/1", "/payments/1")
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert effects() == 1


def test_a_repetition_is_a_request_of_its_own(guarded: FlaskClient, sign_in: SignIn) -> None:
    """It has its own request id and is counted by the limits."""
    who = sign_in()
    first, again = pay(guarded, who), pay(guarded, who)
    assert first.headers["X-Request-Id"] != again.headers["X-Request-Id"]
    assert int(first.headers["RateLimit-Remaining"]) - int(again.headers["RateLimit-Remaining"]) == 1
    assert again.headers.getlist("RateLimit-Remaining") == [again.headers["RateLimit-Remaining"]]


def test_without_a_key_nothing_happens(guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int]) -> None:
    """The answer says what to send."""
    answer = pay(guarded, sign_in(), None)
    assert (answer.status_code, problem(answer)["code"]) == (400, "core.idempotency_key_missing")
    assert effects() == 0


@pytest.mark.parametrize("key", ["", "   ", "k" * 256, "a\tb", "a\x7fb", "a\x01b", "schlüssel"])
def test_a_malformed_key_is_refused(guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int], key: str) -> None:
    """Empty, too long, or with letters that are not printable ASCII."""
    answer = pay(guarded, sign_in(), key)
    assert (answer.status_code, problem(answer)["code"]) == (400, "core.malformed_request")
    assert effects() == 0


@pytest.mark.parametrize("key", ["k", "k" * 255, '"quoted"', "a b", "0190-7f", "'; DROP TABLE core_account; --", "%s"])
def test_any_printable_key_is_taken(guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int], key: str) -> None:
    """As it is."""
    who = sign_in()
    assert pay(guarded, who, key).data == pay(guarded, who, key).data
    assert effects() == 1


OTHERS: dict[str, dict[str, Any]] = {
    "body": {"count": 6},
    "spelling of the body": {"data": b'{"count":  5}', "json": None, "content_type": "application/json"},
    "path": {"path": "/guarded/pay/2"},
    "query": {"path": "/guarded/pay/1?more=1"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_one_key_is_for_one_request(guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int], name: str) -> None:
    """With another body, path or query it is refused, and the first answer stays."""
    who = sign_in()
    first = pay(guarded, who)
    options = {key: value for key, value in OTHERS[name].items() if value is not None}
    if "data" in options:
        other = guarded.post("/guarded/pay/1", headers={**who.headers, "Idempotency-Key": "k"}, **options)
    else:
        other = pay(guarded, who, **options)
    assert (other.status_code, problem(other)["code"]) == (422, "core.idempotency_key_reused")
    assert pay(guarded, who).data == first.data
    assert effects() == 1


def test_the_body_of_a_form_belongs_to_the_request_too(guarded: FlaskClient, sign_in: SignIn) -> None:
    """Though its parser has used it up by then."""
    headers = {**sign_in().headers, "Idempotency-Key": "k"}
    answers = [guarded.post("/guarded/form", headers=headers, data={"note": note}).status_code for note in ("one", "other", "one")]
    assert answers == [201, 422, 201]


def test_two_accounts_may_use_the_same_key(guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int]) -> None:
    """Neither sees the other's answer."""
    one, other = sign_in(), sign_in()
    assert pay(guarded, one).data != pay(guarded, other).data
    assert effects() == 2


def test_two_sessions_of_an_account_share_its_keys(guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int]) -> None:
    """Who signed in again in between still gets the first answer."""
    one = sign_in()
    assert pay(guarded, one).data == pay(guarded, sign_in(one.account)).data
    assert effects() == 1


@pytest.mark.parametrize(("count", "status"), [(-1, 409), (0, 500)])
def test_a_refusal_leaves_nothing_and_the_key_free(
    guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int], monkeypatch: pytest.MonkeyPatch, count: int, status: int
) -> None:
    """The business said no, or broke: the same request with the same key is tried again, and succeeds when the reason has gone."""
    who = sign_in()
    assert pay(guarded, who, count=count).status_code == status
    assert effects() == 0
    monkeypatch.setattr(guarding, "work", lambda count: guarding.effect(count + 10))
    assert pay(guarded, who, count=count).status_code == 201
    assert effects() == 1


@pytest.mark.parametrize("count", [1, -1, 0])
def test_the_lock_ends_with_the_transaction(guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn, count: int) -> None:
    """However it ended: a lock that stayed with a pooled connection would refuse the key to all others."""
    pay(guarded, sign_in(), count=count)
    with guarded_app.app_context():
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        held = text(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {here}")
        assert db.session.scalar(held) == 0


def test_a_wrong_body_does_not_use_up_the_key(guarded: FlaskClient, sign_in: SignIn) -> None:
    """A mistake can be corrected with the same key."""
    who = sign_in()
    assert pay(guarded, who, json={"count": "five"}).status_code == 422
    assert pay(guarded, who).status_code == 201


def test_headers_that_stand_twice_are_kept(guarded_app: Flask, sign_in: SignIn) -> None:
    """As one, with a comma, which means the same."""
    who = sign_in()

    def work() -> Response:
        return Response("done", 200, [("Link", "<a>"), ("Link", "<b>")])

    for _ in range(2):
        with guarded_app.test_request_context("/guarded/pay/1", method="POST", headers={**who.headers, "Idempotency-Key": "k"}):
            guarding.g_identity(who)
            answer = transaction(lambda: idempotency.once(work))
    assert answer.headers["Link"] == "<a>, <b>"
    assert answer.headers["Content-Length"] == "4"


def test_a_key_costs_two_round_trips(
    guarded: FlaskClient, sign_in: SignIn, round_trips: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One opens the transaction and looks, one keeps the answer and commits; a repetition keeps nothing."""
    who = sign_in()
    monkeypatch.setattr(guarding, "work", lambda count: f"did nothing {count} times")
    looked = ["BEGIN", "SELECT pg_try_advisory_xact_lock($1), k.fingerprint,"]
    pay(guarded, who)
    assert round_trips == [looked, ["INSERT INTO core_idempotency_key", "COMMIT"]]
    del round_trips[:]
    pay(guarded, who)
    assert round_trips == [looked, ["COMMIT"]]


def test_the_key_goes_with_the_account(guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn) -> None:
    """Deleting an account leaves no answer of it behind."""
    who = sign_in()
    pay(guarded, who)
    with guarded_app.app_context():
        assert db.session.scalars(select(IdempotencyKey.key)).all() == ["k"]
        transaction(lambda: session().delete(session().get_one(Account, who.account)))
        assert not db.session.scalars(select(IdempotencyKey.key)).all()


# --- at the same time ----------------------------------------------------------------------------------------------


def blinded(claim: Statement) -> Statement:
    """The claim as a snapshot from before the other's commit shows it: the lock, and no answer."""
    return Statement(claim.sql.replace("k.key = $3", "k.key = $3 AND false"))


def test_while_the_first_is_running_the_second_does_not_wait(
    guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn, effects: Callable[[], int], slow: tuple[threading.Event, threading.Event]
) -> None:
    """It is told at once to come back, and then gets the first one's answer."""
    who, (begun, go) = sign_in(), slow
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(pay, guarded_app.test_client(), who)
        assert begun.wait(20)
        second = pay(guarded, who)
        go.set()
    assert (second.status_code, problem(second)["code"]) == (409, "core.idempotency_key_in_use")
    assert int(second.headers["Retry-After"]) >= 1
    assert pay(guarded, who).data == first.result().data
    assert effects() == 1


@pytest.fixture
def wide_app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application with a connection for each of sixty-four: the key must keep them apart, not the pool."""
    monkeypatch.setenv("PLAYHALL_DATABASE_POOL_SIZE", "64")
    with a_guarded_app() as made:
        yield made


def test_sixty_four_at_once_have_one_effect(wide_app: Flask, sign_in: SignIn, effects: Callable[[], int]) -> None:
    """Each caller gets 409 or the one answer, byte for byte."""
    for done in range(1, 4):
        who, barrier = sign_in(), threading.Barrier(64)
        assert wide_app.test_client().get("/guarded/me", headers=who.headers).status_code == 200

        def send(who: SignedIn = who, barrier: threading.Barrier = barrier) -> TestResponse:
            client = wide_app.test_client()
            barrier.wait()
            return pay(client, who)

        with ThreadPoolExecutor(64) as pool:
            answers = [future.result() for future in [pool.submit(send) for _ in range(64)]]
        good = [answer for answer in answers if answer.status_code == 201]
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({answer.data for answer in good}) == 1
        assert sum("Idempotency-Replayed" not in answer.headers for answer in good) == 1
        assert effects() == done


def test_a_winner_that_the_loser_s_snapshot_did_not_show_is_found(
    guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn, effects: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is won after the other's commit, in a statement that began before it: the whole is tried again, and replays."""
    who = sign_in()
    first = pay(guarded, who)
    claim, runs = idempotency.CLAIM, []

    class SeesNothingOnce:
        def rows(self, *values: Any) -> list[Any]:
            runs.append(values)
            return (blinded(claim) if len(runs) == 1 else claim).rows(*values)

    monkeypatch.setattr(idempotency, "CLAIM", SeesNothingOnce())
    again = pay(guarded, who)
    assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (201, first.data, "true")
    assert len(runs) == 2
    assert effects() == 1


def test_the_loser_whose_work_is_refused_with_the_commit_gets_the_winners_answer(
    guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the work only sent, and a constraint refuses at the commit, must not deny what the winner did either."""
    who, claim, runs = sign_in(), idempotency.CLAIM, []
    first = pay(guarded, who)

    class SeesNothingOnce:
        def rows(self, *values: Any) -> list[Any]:
            runs.append(values)
            return (blinded(claim) if len(runs) == 1 else claim).rows(*values)

    def work(_count: int) -> str:
        Statement("INSERT INTO core_account (id) VALUES ($1)").send(who.account)
        return "sent"

    monkeypatch.setattr(idempotency, "CLAIM", SeesNothingOnce())
    monkeypatch.setattr(guarding, "work", work)
    again = pay(guarded, who)
    assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (201, first.data, "true")
    assert effects() == 1


def test_another_unique_violation_is_not_tried_again(guarded: FlaskClient, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the business's own, and would come again."""
    who, runs = sign_in(), []

    def work(count: int) -> str:
        runs.append(count)
        session().execute(text("INSERT INTO core_account (id) VALUES (:id)"), {"id": who.account})
        return ""

    monkeypatch.setattr(guarding, "work", work)
    assert pay(guarded, who).status_code >= 400
    assert len(runs) == 1


def test_a_serialization_failure_is_tried_again_with_its_key(
    guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is claimed anew by every try."""
    who, runs = sign_in(), []

    def work(count: int) -> str:
        runs.append(count)
        if len(runs) == 1:
            session().execute(text("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$"))
        return guarding.effect(count)

    monkeypatch.setattr(guarding, "work", work)
    assert pay(guarded, who).status_code == 201
    assert len(runs) == 2
    assert effects() == 1


# --- killed --------------------------------------------------------------------------------------------------------

# A process of its own sends the request and kills itself before, during or after its n-th round trip to PostgreSQL.
VICTIM = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import guarding
import psycopg
from app.core.querying import wire
app = guarding.make_guarded_app()
point, token = sys.argv[2], sys.argv[3]
reached = []
def at(name):
    reached.append(name)
    if name == point:
        os.kill(os.getpid(), signal.SIGKILL)
client = app.test_client()
headers = {"Authorization": f"Bearer {token}"}
assert client.get("/guarded/me", headers=headers).status_code == 200
number = 0
def counted(real):
    def trip(*args, **options):
        global number
        number += 1
        mine = number
        at(f"before {mine}")
        answer = real(*args, **options)
        at(f"after {mine}")
        return answer
    return trip
def waited(real):
    def wait(descriptor):
        at(f"during {number}")
        real(descriptor)
    return wait
wire.exchange, wire.readable = counted(wire.exchange), waited(wire.readable)
wait, counted_wait = psycopg.Connection.wait, counted(psycopg.Connection.wait)
# A rollback or commit after our commit sends nothing.
psycopg.Connection.wait = lambda self, *rest, **options: (counted_wait if self.info.transaction_status else wait)(self, *rest, **options)
status = client.post("/guarded/pay/1", headers={**headers, "Idempotency-Key": "k"}, json={"count": 5}).status_code
print(status, *dict.fromkeys(reached), sep="|")
"""

# Begin and claim; the work's own statement, which goes through SQLAlchemy; keep and commit.
POINTS = ["before 1", "during 1", "after 1", "before 2", "after 2", "before 3", "during 3", "after 3"]
COMMITTED = {"during 3": None, "after 3": True}  # None: sent, and killed before the answer


def victim(who: SignedIn, point: str) -> subprocess.CompletedProcess[str]:
    """Run it with the environment of the tests."""
    here = str(Path(__file__).parent)
    return subprocess.run([sys.executable, "-c", VICTIM, here, point, who.token], capture_output=True, text=True, timeout=60, check=False)


def test_the_points_of_death_are_all_there_are(guarded: FlaskClient, sign_in: SignIn) -> None:
    """Three round trips: a further one would need further points."""
    survived = victim(sign_in(), "nowhere")
    status, *reached = survived.stdout.strip().split("|")
    assert status == "201", survived.stderr
    assert reached == POINTS


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_process_leaves_no_stuck_key(guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int], point: str) -> None:
    """Wherever it dies: the same request succeeds at once, and the work is done exactly once."""
    who = sign_in()
    died = victim(who, point)
    assert died.returncode == -signal.SIGKILL, died.stderr
    if (committed := COMMITTED.get(point, False)) is not None:
        assert effects() == committed
    deadline = time.monotonic() + 10
    while (again := pay(guarded, who)).status_code == 409 and time.monotonic() < deadline:
        time.sleep(0.05)  # PostgreSQL notices the broken connection
    assert again.status_code == 201
    assert committed in (None, "Idempotency-Replayed" in again.headers)
    assert effects() == 1
    assert json.loads(again.data)["note"].startswith("paid 5")


@pytest.mark.parametrize("path", ["/guarded/refuse", "/guarded/refuse/once"])
def test_a_refusal_that_a_view_returns_changes_nothing(
    guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int], path: str
) -> None:
    """Not only one that it raises; and what was promised for after the commit is forgotten."""
    guarding.called.clear()
    assert pay(guarded, sign_in(), path=path, json=None).status_code == 409
    assert effects() == 0
    assert guarding.called == []


def test_the_loser_of_the_race_gets_the_winners_answer(
    guarded: FlaskClient, sign_in: SignIn, effects: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked before the winner's commit and has the lock after it: its refusal would deny what was done."""
    who, claim, refusing = sign_in(), idempotency.CLAIM, guarding.effect
    first = pay(guarded, who)
    # As the snapshot saw it: nothing was kept yet.
    monkeypatch.setattr(idempotency, "CLAIM", blinded(claim))
    monkeypatch.setattr(guarding, "work", lambda count: refusing(-count))
    second = pay(guarded, who)
    assert (first.status_code, second.status_code, second.data) == (201, 201, first.data)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert effects() == 1
