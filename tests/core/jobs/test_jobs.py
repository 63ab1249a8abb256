"""A job is a row first; its effect and its end are one commit."""

from __future__ import annotations

import threading
import time
import zlib
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import structlog
from flask import Flask
from probing import ask, put, states
from redis import Redis
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.db import db, session, transaction
from app.core.errors import TooManyJobs
from app.core.jobs import UnknownJob, current_job, enqueue
from app.core.queue import claims
from app.core.queue.drain import BATCH, drain, perform
from app.core.queue.figures import figures
from app.core.queue.wake import QUEUE, Waker, wakes_failed
from playhall.testing.services import Services

ROW = "SELECT state, attempt, error, payload, context, lease_until, finished_at, run_at > now() AS later FROM core_job"


def effects(app: Flask) -> list[tuple[UUID, int]]:
    return [(row.job, row.attempt) for row in ask(app, "SELECT job, attempt FROM probe_effect")]


def work(app: Flask) -> int:
    with app.app_context():
        return drain()


def take(app: Flask) -> claims.Claim:
    with app.app_context():
        claim = claims.claim(db.engine)
    assert claim is not None
    return claim


def finish(app: Flask, claim: claims.Claim) -> None:
    with app.app_context():
        perform(claim)


def due_now(app: Flask) -> None:
    ask(app, "UPDATE core_job SET run_at = now() RETURNING 1")


def expire(app: Flask) -> None:
    ask(app, "UPDATE core_job SET lease_until = now() - interval '1 second' RETURNING 1")


def test_a_job_runs_once_and_is_done(probed: Flask) -> None:
    """What was enqueued is run, once, and says so in its row."""
    [job] = put(probed, "probe.act")
    assert work(probed) == 1
    assert effects(probed) == [(job, 1)]
    [row] = ask(probed, ROW)
    assert (row.state, row.attempt, row.error, row.lease_until) == ("done", 1, None, None)
    assert row.finished_at is not None
    assert work(probed) == 0


def test_a_job_of_a_transaction_that_rolls_back_never_was(probed: Flask) -> None:
    """Neither the row nor the wake outlives a rollback."""

    def fail() -> None:
        enqueue("probe.act")
        session().flush()
        raise RuntimeError("changed my mind")

    with probed.app_context(), pytest.raises(RuntimeError):
        transaction(fail)
    assert states(probed) == {}
    assert work(probed) == 0


def test_an_unknown_job_cannot_be_enqueued(probed: Flask) -> None:
    """A typo is refused where it is made."""
    with probed.app_context(), pytest.raises(UnknownJob, match=r"Plugin\.jobs"):
        enqueue("probe.atc")


def test_a_payload_that_cannot_travel_is_refused(probed: Flask) -> None:
    """What has no JSON form is refused where it is enqueued."""
    with probed.app_context(), pytest.raises(TypeError, match="float cannot travel"):
        enqueue("probe.act", {"note": 1.5})


def test_a_handler_gets_what_its_annotations_say(probed: Flask) -> None:
    """A UUID goes in and a UUID comes out; what it enqueues runs in the same drain."""
    account = uuid4()
    put(probed, "probe.chain", account_id=account)
    assert work(probed) == 2
    assert [row.note for row in ask(probed, "SELECT note FROM probe_effect")] == [f"chained for {account}"]


def test_a_payload_that_the_handler_does_not_take_is_a_failure(probed: Flask) -> None:
    """A wrong name in a payload is not passed over."""
    put(probed, "probe.act", nose="red")
    work(probed)
    [row] = ask(probed, ROW)
    assert row.state == "ready"
    assert "nose" in row.error


def test_a_failure_is_tried_again_later_and_leaves_nothing(probed: Flask) -> None:
    """The effect of a failed attempt is rolled back; the next attempt waits."""
    put(probed, "probe.boom")
    work(probed)
    [row] = ask(probed, ROW)
    assert (row.state, row.attempt, row.later, row.lease_until) == ("ready", 1, True, None)
    assert row.error == "ValueError: boom  with what no database takes ?"
    assert effects(probed) == []
    assert work(probed) == 0


def test_the_last_failure_makes_a_dead_letter(probed: Flask) -> None:
    """After retries + 1 attempts it is dead, with the reason."""
    put(probed, "probe.boom")
    work(probed)
    due_now(probed)
    work(probed)
    [row] = ask(probed, ROW)
    assert (row.state, row.attempt) == ("dead", 2)
    assert row.error.startswith("ValueError: boom")
    due_now(probed)
    assert work(probed) == 0


def test_a_job_that_recovers_is_done(probed: Flask) -> None:
    """Two failures and a success: done, with one effect."""
    [job] = put(probed, "probe.flaky")
    for _ in range(3):
        work(probed)
        due_now(probed)
    assert effects(probed) == [(job, 3)]
    assert states(probed) == {"done": 1}


def test_one_failure_does_not_stop_the_others(probed: Flask) -> None:
    """A drain goes on after a job that fails, and after one that exits."""
    put(probed, "probe.boom", 2)
    put(probed, "probe.act", 3)
    work(probed)
    assert len(effects(probed)) == 3


def test_a_reason_keeps_the_parameters_to_itself(probed: Flask) -> None:
    """Of a database error the dead letter tells the server's sentence, and no value."""
    with probed.app_context():
        db.session.execute(text("ALTER TABLE probe_effect ADD CONSTRAINT short CHECK (length(note) < 5)"))
        db.session.commit()
    put(probed, "probe.act", note="hush-hush")
    work(probed)
    [row] = ask(probed, ROW)
    assert "short" in row.error
    assert "hush" not in row.error


def test_a_job_waits_for_its_time(probed: Flask) -> None:
    """`run_at` holds it back, and asks for no worker."""
    with probed.app_context():
        transaction(lambda: enqueue("probe.act", run_at=datetime.now(UTC) + timedelta(hours=1)))
    assert work(probed) == 0
    due_now(probed)
    assert work(probed) == 1


def test_a_job_of_a_plugin_that_is_off_waits(probed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither lost nor failed, and runs when the plugin is back."""
    put(probed, "probe.act")
    with monkeypatch.context() as off:
        playhall = probed.extensions["playhall"]
        off.setattr(playhall, "jobs", {name: job for name, job in playhall.jobs.items() if name != "probe.act"})
        assert work(probed) == 1
        [row] = ask(probed, ROW)
        assert (row.state, row.attempt, row.later) == ("ready", 0, True)
        due_now(probed)
        work(probed)
    due_now(probed)
    work(probed)
    assert states(probed) == {"done": 1}


def test_a_lease_that_ends_frees_the_job(probed: Flask) -> None:
    """What a dead worker held is run by another."""
    [job] = put(probed, "probe.act")
    take(probed)
    assert work(probed) == 0
    expire(probed)
    assert work(probed) == 1
    assert effects(probed) == [(job, 2)]


def test_a_renewed_lease_keeps_the_job(probed: Flask) -> None:
    """Nobody takes a job whose worker is alive."""
    put(probed, "probe.act")
    claim = take(probed)
    expire(probed)
    with probed.app_context():
        assert claims.renew(db.engine, claim)
        claims.reap(db.engine)
    assert states(probed) == {"running": 1}


def test_a_zombie_changes_nothing(probed: Flask) -> None:
    """A worker that comes back after its lease has gone is rolled back: the effect is the second one's alone."""
    [job] = put(probed, "probe.act")
    zombie = take(probed)
    expire(probed)
    work(probed)
    finish(probed, zombie)
    assert effects(probed) == [(job, 2)]
    assert states(probed) == {"done": 1}


def test_a_zombie_is_fenced_while_its_successor_runs(probed: Flask) -> None:
    """The attempt decides, not who comes first."""
    [job] = put(probed, "probe.act")
    zombie = take(probed)
    expire(probed)
    with probed.app_context():
        claims.reap(db.engine)
    successor = take(probed)
    finish(probed, zombie)
    assert effects(probed) == []
    with probed.app_context():
        assert not claims.renew(db.engine, zombie)
        assert not claims.fail(db.engine, zombie, retries=0, reason="late", backoff_s=1)
    finish(probed, successor)
    assert effects(probed) == [(job, 2)]


def test_a_job_whose_workers_all_died_is_dead(probed: Flask) -> None:
    """A poison that kills its process is not tried for ever, and the letter says what happened."""
    put(probed, "probe.boom")
    for _ in range(2):
        take(probed)
        expire(probed)
        with probed.app_context():
            claims.reap(db.engine)
    work(probed)
    [row] = ask(probed, ROW)
    assert (row.state, row.attempt, row.error) == ("dead", 2, claims.WORKER_DIED)


def test_a_job_never_runs_twice_at_once(probed: Flask) -> None:
    """Four drains side by side: every job once."""
    jobs = put(probed, "probe.act", 60)
    with probed.app_context(), ExitStack() as stack:
        for _ in range(8):  # two for each drain, opened before: on a busy machine nobody has to wait for one
            stack.enter_context(db.engine.connect())
    threads = [threading.Thread(target=work, args=(probed,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(effects(probed)) == sorted((job, 1) for job in jobs)


def test_a_drain_ends_after_a_batch(probed: Flask) -> None:
    """A worker is renewed now and then; the rest is left for the next drain."""
    put(probed, "probe.act", BATCH + 1)
    assert work(probed) == BATCH
    assert work(probed) == 1


def test_a_drain_that_is_told_to_stop_takes_no_more(probed: Flask) -> None:
    """The job that runs is finished, the next is not begun."""
    put(probed, "probe.act", 3)
    answers = iter([False, True])
    with probed.app_context():
        assert drain(stopping=lambda: next(answers)) == 1
    assert states(probed) == {"done": 1, "ready": 2}


def test_the_longest_waiting_comes_first(probed: Flask) -> None:
    """Jobs run in the order in which they fell due."""
    jobs = put(probed, "probe.act", 5)
    work(probed)
    ran = [row.job for row in ask(probed, "SELECT job FROM probe_effect ORDER BY at")]
    assert ran == jobs


def test_backoff_grows_to_an_hour() -> None:
    """Each wait is about three times the one before."""
    waits = [claims.backoff(attempt, 5).total_seconds() for attempt in (1, 2, 3, 50)]
    for wait, about in zip(waits, (5, 15, 45, 3600), strict=True):
        assert 0.79 * about <= wait <= 1.21 * about


def test_current_job_is_for_jobs(probed: Flask) -> None:
    """Outside a job there is none, and the message says so."""
    with pytest.raises(RuntimeError, match="no job runs here"):
        current_job()


def test_a_job_knows_the_request_it_came_from(probed: Flask) -> None:
    """The request's id travels with the row, and on to what the job enqueues."""
    with structlog.contextvars.bound_contextvars(request_id="req-1", account_id="a-1", secret="no"):
        put(probed, "probe.chain", account_id=uuid4())
    work(probed)
    assert [row.context for row in ask(probed, ROW)] == [{"request_id": "req-1", "account_id": "a-1"}] * 2


def test_every_attempt_is_counted_by_its_end(probed: Flask) -> None:
    """By the job's name: what is to be tried again has failed, what is not is dead; a worker that died has failed its job."""
    put(probed, "probe.act", 3)
    put(probed, "probe.boom", 2)
    work(probed)
    due_now(probed)
    take(probed)
    expire(probed)
    work(probed)
    due_now(probed)
    work(probed)
    with probed.app_context():
        ended = figures().ended
    assert ended == {("probe.act", "done"): 3, ("probe.boom", "failed"): 3, ("probe.boom", "dead"): 2}


def test_what_a_zombie_says_is_not_counted(probed: Flask) -> None:
    """Its verdict touches no row, so no total either."""
    put(probed, "probe.act")
    zombie = take(probed)
    expire(probed)
    work(probed)
    finish(probed, zombie)
    with probed.app_context():
        assert not claims.fail(db.engine, zombie, retries=0, reason="late", backoff_s=1)
        assert figures().ended == {("probe.act", "failed"): 1, ("probe.act", "done"): 1}


def test_a_cap_holds_against_a_hundred_at_once(probed: Flask) -> None:
    """A hundred submissions of one account at the same time: exactly four are taken, the others are told when to come back."""
    account, taken, refused = uuid4(), [], []
    gate = threading.Barrier(100)

    def submit() -> None:
        gate.wait()
        for _ in range(40):
            try:
                with probed.app_context():
                    taken.append(transaction(lambda: enqueue("probe.act", account_id=account)))
            except TooManyJobs as error:
                refused.append(error)
                return
            except PoolTimeout:  # a hundred threads share ten connections
                time.sleep(0.05)
            else:
                return

    threads = [threading.Thread(target=submit) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (4, 96)
    assert states(probed) == {"ready": 4}
    assert {error.headers["Retry-After"] for error in refused} == {"5"}
    assert {(error.code, error.status) for error in refused} == {("jobs.too_many", 429)}


def test_a_finished_job_frees_its_place(probed: Flask) -> None:
    """The cap counts what is under way, also within one transaction."""
    account = uuid4()

    def submit(times: int) -> None:
        for _ in range(times):
            enqueue("probe.act", account_id=account)

    with probed.app_context():
        with pytest.raises(TooManyJobs):
            transaction(lambda: submit(5))
        transaction(lambda: submit(4))
        with pytest.raises(TooManyJobs):
            transaction(lambda: submit(1))
    work(probed)
    with probed.app_context():
        transaction(lambda: submit(4))
    assert states(probed) == {"done": 4, "ready": 4}


def test_the_cap_counts_only_what_the_account_asked_for(probed: Flask) -> None:
    """Others' jobs and those without an account take nobody's place."""
    put(probed, "probe.act", 10)
    with probed.app_context():
        transaction(lambda: enqueue("probe.act", account_id=uuid4()))
        transaction(lambda: enqueue("probe.act", account_id=uuid4()))
    assert states(probed) == {"ready": 12}


def test_a_burst_asks_for_one_drain(probed: Flask, services: Services) -> None:
    """However many commits: one hint waits, and none while it waits."""
    for _ in range(20):
        put(probed, "probe.act", 5)
    with Redis.from_url(services.redis_url) as redis:
        assert redis.llen(f"rq:queue:{QUEUE}") == 1
        [key] = redis.lrange(f"rq:queue:{QUEUE}", 0, -1)
        data = redis.hget(b"rq:job:" + key, "data")
    assert zlib.decompress(data).startswith(b'["app.core.queue.horse.drain_once"')


def test_a_drain_that_has_begun_does_not_stand_for_later_work(probed: Flask, services: Services) -> None:
    """What is committed after a drain began gets one of its own."""
    waker = Waker(services.redis_url)
    with Redis.from_url(services.redis_url) as redis:
        waker.wake()
        redis.lpop(f"rq:queue:{QUEUE}")
        waker.wake()
        assert redis.llen(f"rq:queue:{QUEUE}") == 0
        waker.begun()
        waker.wake()
        assert redis.llen(f"rq:queue:{QUEUE}") == 1


def test_a_redis_that_is_away_harms_nobody(probed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enqueue works without Redis, quickly, and is counted."""
    waker = Waker("redis://127.0.0.1:1/0")
    monkeypatch.setitem(probed.extensions, "playhall.waker", waker)
    before = wakes_failed._value.get()
    put(probed, "probe.act")
    put(probed, "probe.act")
    waker.begun()
    assert not waker.answers()
    assert wakes_failed._value.get() == before + 2
    assert work(probed) == 2
