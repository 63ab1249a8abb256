"""The relay: each event becomes one job per subscription, whoever dies."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import structlog
from flask import Flask
from probe_plugin.api import Seen
from probing import ROOT, ask, process, put, states, until
from redis import Redis
from sqlalchemy import text

from app.core import outbox
from app.core.db import db, session, transaction
from app.core.events import publish
from app.core.queue import claims, relay
from app.core.queue.drain import drain
from app.core.queue.figures import figures
from app.core.queue.wake import QUEUE
from playhall.testing.services import Services

DOUBLES = "SELECT name, event_id FROM core_job GROUP BY 1, 2 HAVING count(*) > 1"


def tell(app: Flask, times: int = 1) -> list[UUID]:
    """Publish so many events, each in a transaction of its own; their accounts."""
    accounts = [uuid4() for _ in range(times)]
    with app.app_context():
        for account in accounts:
            transaction(lambda account=account: publish(Seen(account_id=account, at=datetime.now(UTC), counts=(1, 2))))
    return accounts


def deliver(app: Flask) -> int:
    with app.app_context():
        return outbox.deliver()


def waiting(app: Flask) -> int:
    [row] = ask(app, "SELECT count(*) FROM core_outbox WHERE jobs_at IS NULL")
    return int(row[0])


def test_an_event_becomes_a_job_for_each_subscription(probed: Flask) -> None:
    """Each handler gets the fields that it names, as what they are."""
    tell(probed)
    assert deliver(probed) == 1
    assert deliver(probed) == 0
    with probed.app_context():
        assert drain() == 2
    notes = {row.note for row in ask(probed, "SELECT note FROM probe_effect")}
    assert notes == {"UUID (1, 2)", f"too {datetime.now(UTC):%Y}"}
    assert states(probed) == {"done": 2}


def test_an_event_without_a_subscription_is_marked(probed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for nobody."""
    monkeypatch.setattr(probed.extensions["playhall"], "subscriptions", {})
    tell(probed)
    assert deliver(probed) == 1
    assert (waiting(probed), states(probed)) == (0, {})


def test_an_event_of_a_plugin_that_is_off_here_waits(probed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay of the release before does not mark what only the new one knows."""
    tell(probed)
    playhall = probed.extensions["playhall"]
    with monkeypatch.context() as off:
        off.setattr(playhall, "events", {name: one for name, one in playhall.events.items() if name != Seen.name})
        assert deliver(probed) == 0
    assert waiting(probed) == 1
    assert deliver(probed) == 1


def test_the_request_travels_with_the_event(probed: Flask) -> None:
    """A handler's log names the request that published."""
    with structlog.contextvars.bound_contextvars(request_id="req-7"):
        tell(probed)
    deliver(probed)
    assert [row.context for row in ask(probed, "SELECT context FROM core_job")] == [{"request_id": "req-7"}] * 2


def test_an_event_with_a_smaller_id_that_commits_later_is_not_passed_over(probed: Flask) -> None:
    """Ids are given out before the commit; the relay does not go by the last one seen."""
    with probed.app_context(), db.engine.connect() as slow:
        first = {"id": UUID("00000000-0000-7000-8000-000000000000"), "name": Seen.name}
        slow.execute(text("INSERT INTO core_outbox (id, name, payload) VALUES (:id, :name, '{}')"), first)
        tell(probed)
        assert deliver(probed) == 1
        slow.commit()
    assert deliver(probed) == 1
    assert waiting(probed) == 0


def test_two_relays_at_once_make_no_doubles(probed: Flask) -> None:
    """Four threads relay while two publish: each event has its two jobs, once."""
    publishers = [threading.Thread(target=tell, args=(probed, 60)) for _ in range(2)]
    over = threading.Event()

    def relay_on() -> None:
        while not over.is_set():
            deliver(probed)

    relays = [threading.Thread(target=relay_on) for _ in range(4)]
    for thread in publishers + relays:
        thread.start()
    for thread in publishers:
        thread.join()
    until(lambda: waiting(probed) == 0)
    over.set()
    for thread in relays:
        thread.join()
    assert states(probed) == {"ready": 240}
    assert ask(probed, DOUBLES) == []


DIE = """
import os, signal
from app import create_app
from app.core import outbox
app = create_app()
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
{boundary}
with app.app_context():
    outbox.deliver()
"""

BOUNDARIES = {
    "before the jobs": "outbox._jobs = die",
    "between the jobs and the mark": "outbox.mark = die",
    "between the mark and the commit": "mark = outbox.mark; outbox.mark = lambda *given: (mark(*given), die())",
    "after the commit": "outbox.wake = die",
}


@pytest.mark.parametrize("boundary", BOUNDARIES.values(), ids=BOUNDARIES.keys())
def test_a_relay_that_is_killed_loses_and_doubles_nothing(probed: Flask, env: Mapping[str, str], boundary: str) -> None:
    """Killed at each boundary of its work; the next one does what is left."""
    tell(probed, 3)
    program = [sys.executable, "-c", DIE.format(boundary=boundary)]
    killed = subprocess.run(program, env=dict(env), cwd=ROOT, capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    # Until PostgreSQL notices that the killed one is gone, its rows are locked and passed over.
    until(lambda: deliver(probed) == 0 and waiting(probed) == 0)
    assert states(probed) == {"ready": 6}
    assert ask(probed, DOUBLES) == []


def test_an_event_that_is_relayed_again_makes_no_second_job(probed: Flask) -> None:
    """Even when an operator unmarks it: the job's row is the receipt."""
    tell(probed)
    deliver(probed)
    ask(probed, "UPDATE core_outbox SET jobs_at = NULL RETURNING 1")
    assert deliver(probed) == 1
    assert states(probed) == {"ready": 2}


def test_the_relay_wakes_a_worker(probed: Flask, services: Services) -> None:
    """After its commit."""
    tell(probed)
    with Redis.from_url(services.redis_url) as redis:
        assert redis.llen(f"rq:queue:{QUEUE}") == 0
        deliver(probed)
        assert redis.llen(f"rq:queue:{QUEUE}") == 1


def test_the_sweep_repairs_what_redis_lost(probed: Flask, services: Services) -> None:
    """Redis wiped after the wake: the sweep says it again; with nothing due it says nothing."""
    put(probed, "probe.act")
    with Redis.from_url(services.redis_url) as redis, probed.app_context():
        redis.flushdb()
        relay.sweep()
        assert redis.llen(f"rq:queue:{QUEUE}") == 1
        drain()
        redis.flushdb()
        relay.sweep()
        assert redis.llen(f"rq:queue:{QUEUE}") == 0


def test_the_sweep_frees_what_a_dead_worker_held(probed: Flask) -> None:
    """The job is ready again, and says why."""
    put(probed, "probe.act")
    with probed.app_context():
        claims.claim(db.engine)
        ask(probed, "UPDATE core_job SET lease_until = now() - interval '1 second' RETURNING 1")
        relay.sweep()
    [row] = ask(probed, "SELECT state, error FROM core_job")
    assert tuple(row) == ("ready", claims.WORKER_DIED)


def test_figures_tell_what_waits(probed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each figure counts what its name says; Kafka is off and says so."""
    tell(probed, 2)
    put(probed, "probe.act", 3)
    put(probed, "probe.boom")
    past = text("UPDATE core_job SET run_at = now() - interval '90 seconds', state = :state WHERE name = :name RETURNING 1")
    with probed.app_context():
        transaction(lambda: session().execute(past, {"state": "ready", "name": "probe.act"}))
        transaction(lambda: session().execute(past, {"state": "dead", "name": "probe.boom"}))
        found = figures()
        assert (found.jobs_due, found.jobs_running, found.jobs_dead, found.jobs_unknown) == (3, 0, 1, 0)
        assert found.job_lag_s == pytest.approx(90, abs=20)
        assert (found.outbox_waiting, found.kafka_waiting, found.kafka_lag_s) == (2, None, None)
        assert 0 < found.outbox_lag_s < 20
        playhall = probed.extensions["playhall"]
        monkeypatch.setattr(playhall, "jobs", {name: job for name, job in playhall.jobs.items() if name != "probe.act"})
        assert figures().jobs_unknown == 3


def test_figures_of_an_empty_queue_are_zero(probed: Flask) -> None:
    """Nothing waits, for no time."""
    with probed.app_context():
        found = figures()
    assert (found.jobs_due, found.job_lag_s, found.outbox_waiting, found.outbox_lag_s) == (0, 0, 0, 0)


def test_a_relay_and_a_worker_carry_an_event_to_its_handlers(probed: Flask, env: Mapping[str, str]) -> None:
    """Two relays, one of them killed on the way, and a worker: every event handled once by each subscription."""
    with process("relay", env) as first, process("relay", env) as second, process("worker", env):
        tell(probed, 20)
        until(lambda: waiting(probed) < 20)
        first.kill(whole=True)
        tell(probed, 20)
        until(lambda: states(probed) == {"done": 80})
        assert second.stop() == 0
    [row] = ask(probed, "SELECT count(*), count(DISTINCT job) FROM probe_effect")
    assert tuple(row) == (80, 80)
