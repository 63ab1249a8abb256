"""Dead letters on the command line, and the purge of what is old."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from probing import ask, put, states
from redis import Redis

from app.core.db import db, session, transaction, uuid7
from app.core.models import IdempotencyKey, JobRow, OutboxEvent
from app.core.queue import claims, purge
from app.core.queue.drain import drain, perform
from app.core.queue.purge import uuid7_at
from app.core.queue.wake import QUEUE
from playhall.testing.services import Services

AUDIT = "SELECT action, object, before FROM core_audit_log ORDER BY id"


@pytest.fixture
def dead(probed: Flask) -> UUID:
    """A job that has failed for good."""
    [job] = put(probed, "probe.boom")
    with probed.app_context():
        for _ in range(2):
            drain()
            ask(probed, "UPDATE core_job SET run_at = now() RETURNING 1")
    assert states(probed) == {"dead": 1}
    return job


def run(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=["jobs", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def refused(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=["jobs", *arguments])
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    return result.output


def test_dead_jobs_are_listed(probed: Flask, dead: UUID) -> None:
    """With their reason; other states and names can be asked for."""
    [line] = run(probed, "list").splitlines()
    assert str(dead) in line
    assert "probe.boom  attempt 2" in line
    assert "ValueError: boom" in line
    assert run(probed, "list", "--name", "probe.act") == "no job is dead\n"
    assert run(probed, "list", "--state", "ready") == "no job is ready\n"


def test_a_job_is_shown_in_full(probed: Flask, dead: UUID) -> None:
    """As JSON."""
    shown = json.loads(run(probed, "show", str(dead)))
    assert (shown["id"], shown["state"], shown["payload"]) == (str(dead), "dead", {})
    assert "there is no job" in refused(probed, "show", str(uuid4()))


def test_a_dead_job_is_retried_in_one_call(probed: Flask, dead: UUID, services: Services) -> None:
    """It has all its attempts again, a worker is told, and the audit log too."""
    with Redis.from_url(services.redis_url) as redis:
        redis.flushdb()
        assert run(probed, "retry", str(dead)) == f"{dead} ready again\n"
        assert redis.llen(f"rq:queue:{QUEUE}") == 1
    [row] = ask(probed, "SELECT state, attempt, finished_at FROM core_job")
    assert tuple(row) == ("ready", 0, None)
    [entry] = ask(probed, AUDIT)
    assert (entry.action, entry.object) == ("jobs.retry", f"core_job:{dead}")
    assert entry.before["name"] == "probe.boom"
    assert "is not dead" in refused(probed, "retry", str(dead))


def test_a_zombie_of_a_job_that_was_retried_is_fenced(probed: Flask) -> None:
    """The attempts begin again at one; the number that fences does not, so a worker of the first life cannot finish the second."""
    [job] = put(probed, "probe.act")
    with probed.app_context():
        zombie = claims.claim(db.engine)
        assert zombie is not None
        ask(probed, "UPDATE core_job SET state = 'dead' RETURNING 1")
        run(probed, "retry", str(job))
        successor = claims.claim(db.engine)
        assert successor is not None
        assert (zombie.attempt, successor.attempt) == (1, 1)
        perform(zombie)
        assert ask(probed, "SELECT 1 FROM probe_effect") == []
        assert states(probed) == {"running": 1}
        assert not claims.renew(db.engine, zombie)
        perform(successor)
    assert states(probed) == {"done": 1}
    assert len(ask(probed, "SELECT 1 FROM probe_effect")) == 1


def test_a_zombie_of_a_job_that_was_put_off_is_fenced(probed: Flask) -> None:
    """Putting it off gives the attempt back, and not the number that fences."""
    put(probed, "probe.act")
    with probed.app_context():
        zombie = claims.claim(db.engine)
        assert zombie is not None
        assert claims.postpone(db.engine, zombie)
        ask(probed, "UPDATE core_job SET run_at = now() RETURNING 1")
        assert claims.claim(db.engine) is not None
        assert not claims.renew(db.engine, zombie)


def test_a_dead_job_is_discarded(probed: Flask, dead: UUID) -> None:
    """It is gone, and the audit log says so."""
    assert run(probed, "discard", str(dead)) == f"{dead} discarded\n"
    assert states(probed) == {}
    assert [row.action for row in ask(probed, AUDIT)] == ["jobs.discard"]
    assert "is not dead" in refused(probed, "discard", str(dead))


def test_a_job_that_is_not_dead_is_left_alone(probed: Flask) -> None:
    """Neither retry nor discard touches work that is under way."""
    [job] = put(probed, "probe.act")
    assert "is not dead" in refused(probed, "retry", str(job))
    assert "is not dead" in refused(probed, "discard", str(job))
    assert states(probed) == {"ready": 1}


def test_all_dead_jobs_of_a_name_are_retried(probed: Flask, dead: UUID) -> None:
    """And only those."""
    put(probed, "probe.act")
    ask(probed, "UPDATE core_job SET state = 'dead' RETURNING 1")
    run(probed, "retry", "--name", "probe.boom")
    assert states(probed) == {"dead": 1, "ready": 1}


def test_ids_or_a_name_must_be_given(probed: Flask, dead: UUID) -> None:
    """Nothing is discarded by a slip."""
    assert "--name" in refused(probed, "discard")
    assert "--name" in refused(probed, "discard", str(dead), "--name", "probe.boom")
    assert states(probed) == {"dead": 1}


def aged(days: float) -> tuple[UUID, datetime]:
    """An id and a time of so many days ago."""
    moment = datetime.now(UTC) - timedelta(days=days)
    return UUID(int=uuid7_at(moment).int | uuid7().int & (1 << 62) - 1), moment


def age_of(row: str, app: Flask) -> list[int]:
    return sorted(age.days for (age,) in ask(app, f"SELECT now() - created_at FROM {row}"))


def fill(app: Flask) -> None:
    """Jobs in every state, and events in every state, young and old."""

    def add() -> None:
        for days in (1, 9, 30):
            for state in ("ready", "running", "done", "dead"):
                key, moment = aged(days)
                finished = moment if state == "done" else None
                session().add(JobRow(id=key, name=f"probe.{state}", payload={}, state=state, created_at=moment, finished_at=finished))
            for relayed, sent in ((None, None), (datetime.now(UTC), None), (datetime.now(UTC), datetime.now(UTC))):
                key, moment = aged(days)
                session().add(OutboxEvent(id=key, name="probe.seen.v1", payload={}, jobs_at=relayed, kafka_at=sent, created_at=moment))

    with app.app_context():
        transaction(add)


def test_finished_jobs_and_relayed_events_are_purged(probed: Flask) -> None:
    """What is old and done with goes; what is young, waits or is dead stays."""
    fill(probed)
    with probed.app_context():
        transaction(purge.purge_queue)
    left = {(row.state, row.days) for row in ask(probed, "SELECT state, extract(day from now() - created_at)::int AS days FROM core_job")}
    assert left == {(state, days) for state in ("ready", "running", "dead") for days in (1, 9, 30)} | {("done", 1)}
    assert age_of("core_outbox WHERE jobs_at IS NULL", probed) == [1, 9, 30]
    assert age_of("core_outbox WHERE jobs_at IS NOT NULL", probed) == [1, 1]


def test_a_job_that_finished_late_is_kept_from_then_on(probed: Flask) -> None:
    """One that was retried after its days counts from its end."""
    fill(probed)
    ask(probed, "UPDATE core_job SET finished_at = now() WHERE state = 'done' RETURNING 1")
    with probed.app_context():
        transaction(purge.purge_queue)
    assert age_of("core_job WHERE state = 'done'", probed) == [1, 9, 30]


def test_what_kafka_has_not_had_is_kept(probed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Kafka on, an event waits for it, however long it is down."""
    fill(probed)
    monkeypatch.setattr(probed.extensions["playhall"], "settings", with_kafka(probed))
    with probed.app_context():
        transaction(purge.purge_queue)
    assert age_of("core_outbox WHERE jobs_at IS NOT NULL AND kafka_at IS NULL", probed) == [1, 9, 30]
    assert age_of("core_outbox WHERE kafka_at IS NOT NULL", probed) == [1]


def with_kafka(app: Flask) -> object:
    from dataclasses import replace

    return replace(app.extensions["playhall"].settings, kafka_servers="127.0.0.1:1")


def test_old_idempotency_keys_are_purged(probed: Flask, make_account: Callable[[], UUID]) -> None:
    """After seven days."""
    account = make_account()

    def add() -> None:
        for days in (1, 6.9, 7.1, 30):
            _, moment = aged(days)
            key = IdempotencyKey(account_id=account, key=str(days), fingerprint=b"", status=200, headers={}, body=b"", created_at=moment)
            session().add(key)

    with probed.app_context():
        transaction(add)
        transaction(purge.purge_keys)
    assert sorted(row.key for row in ask(probed, "SELECT key FROM core_idempotency_key")) == ["1", "6.9"]


def test_a_purge_goes_on_until_nothing_is_old(probed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch per job, each in a transaction of its own."""
    monkeypatch.setattr(purge, "BATCH", 2)
    for _ in range(3):
        fill(probed)
    ask(probed, "DELETE FROM core_job WHERE state <> 'done' RETURNING 1")
    with probed.app_context():
        put(probed, "core.purge_queue")
        drain()
    assert age_of("core_job WHERE name = 'probe.done'", probed) == [1, 1, 1]
    [row] = ask(probed, "SELECT count(*) FROM core_job WHERE name = 'core.purge_queue' AND state = 'done'")
    assert row[0] > 2
