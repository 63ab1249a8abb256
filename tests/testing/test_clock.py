"""Time that passes at once: everything that is kept gets older."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import text

from app.core.db import db
from playhall import enqueue
from playhall.testing import AsAccount, Clock, Jobs, transaction

SESSIONS = "/api/v1/auth/sessions"
TABLE = """
CREATE TABLE bell_log (at timestamptz UNIQUE, day date, local timestamp, never timestamptz);
CREATE FUNCTION bell_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the log is for ever'; END $$;
CREATE TRIGGER bell_refuse BEFORE UPDATE ON bell_log FOR EACH ROW EXECUTE FUNCTION bell_refuse();
"""


def run(app: Flask, statement: str, **values: Any) -> list[Any]:
    """The rows of a statement of its own."""
    with app.app_context(), db.engine.begin() as connection:
        found = connection.execute(text(statement), values)
        return list(found) if found.returns_rows else []


@pytest.fixture
def log(app: Flask) -> Iterator[Flask]:
    """A table with moments of every kind, whose rows the application may not change."""
    for statement in TABLE.strip().split(";\nCREATE "):
        run(app, statement if statement.startswith("CREATE") else f"CREATE {statement}")
    yield app
    run(app, "DROP TABLE bell_log")
    run(app, "DROP FUNCTION bell_refuse")


def test_stored_moments_get_older(log: Flask, clock: Clock) -> None:
    """By exactly so much, though a trigger forbids changes and neighbours land on each other's place."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for hours in range(3):
        moment = now + timedelta(hours=hours)
        run(log, "INSERT INTO bell_log VALUES (:at, '2026-03-01', :local, NULL)", at=moment, local=moment.replace(tzinfo=None))
    clock.move(hours=1)
    found = run(log, "SELECT at, local, never FROM bell_log ORDER BY at")
    assert [row.at for row in found] == [now + timedelta(hours=hours) for hours in (-1, 0, 1)]
    assert [row.local for row in found] == [row.at.replace(tzinfo=None) for row in found]
    assert {row.never for row in found} == {None}
    with pytest.raises(Exception, match="the log is for ever"):
        run(log, "UPDATE bell_log SET day = day")


def test_day_gets_older_at_midnight(log: Flask, clock: Clock) -> None:
    """A date changes with the days that end in between, not with the hours."""
    run(log, "INSERT INTO bell_log VALUES (now(), '2026-03-01', now(), now())")
    clock.move_to(clock.now().replace(hour=12, minute=0) + timedelta(days=1))
    assert run(log, "SELECT day::text FROM bell_log") == [("2026-02-28",)]
    clock.move(hours=1)
    assert run(log, "SELECT day::text FROM bell_log") == [("2026-02-28",)]
    clock.move(days=2)
    assert run(log, "SELECT day::text FROM bell_log") == [("2026-02-26",)]


def test_tokens_expire(as_account: AsAccount, clock: Clock) -> None:
    """Those that the fixture made; the session itself lives on."""
    me, long = as_account(), as_account(lifetime=timedelta(hours=2))
    clock.move(minutes=11)
    assert me.get(SESSIONS).problem["code"] == "core.unauthenticated"
    assert len(long.get(SESSIONS).json["items"]) == 1


def test_token_of_another_origin_can_be_aged(as_account: AsAccount, clock: Clock) -> None:
    """It stays genuine."""
    me = as_account()
    me.token = clock.aged(me.token, timedelta(minutes=9))
    assert me.get(SESSIONS).status_code == 200
    me.token = clock.aged(me.token, timedelta(minutes=1))
    assert me.get(SESSIONS).status_code == 401


def test_what_redis_remembers_runs_out(app: Flask, clock: Clock) -> None:
    """Sooner by as much; what never runs out stays."""
    with Redis.from_url(app.extensions["playhall"].settings.redis_url) as redis:
        redis.set("minute", 1, ex=60)
        redis.set("day", 1, ex=86_400)
        redis.set("always", 1)
        clock.move(hours=1)
        assert redis.exists("minute", "day", "always") == 2
        assert 82_000 < redis.ttl("day") <= 82_800
        assert redis.ttl("always") == -1


def test_job_for_later_is_due_later(bell: Flask, clock: Clock, jobs: Jobs) -> None:
    """Once its time has come."""
    with bell.app_context():
        transaction(lambda: enqueue("bell.echo", {"times": 1}, run_at=datetime.now(UTC) + timedelta(hours=5)))
    assert jobs.run() == []
    clock.move(hours=4)
    assert "bell.echo" not in jobs.run()
    clock.move(hours=2)
    assert "bell.echo" in jobs.run()


def test_schedule_fires_once_for_all_ticks_in_between(bell: Flask, clock: Clock, jobs: Jobs) -> None:
    """At three in the morning, not before, and once however often it was missed."""
    clock.move_to((clock.now() + timedelta(days=1)).replace(hour=2, minute=30))
    jobs.run()
    clock.move(minutes=10)
    assert "bell.toll" not in jobs.run()
    clock.move(hours=1)
    assert jobs.run().count("bell.toll") == 1
    clock.move(hours=1)
    assert "bell.toll" not in jobs.run()
    clock.move(days=3)
    assert jobs.run().count("bell.toll") == 1


def test_time_moves_forward_only(clock: Clock) -> None:
    """Going back is refused."""
    with pytest.raises(ValueError, match="forward"):
        clock.move(hours=-1)
    with pytest.raises(ValueError, match="forward"):
        clock.move_to(datetime(2020, 1, 1, tzinfo=UTC))
