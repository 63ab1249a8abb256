"""Each tick of a schedule fires once, whoever schedules."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter
from flask import Flask
from probing import ask, process, states, until
from redis import Redis

from app.core.jobs import CORE_JOBS
from app.core.plugin import Job
from app.core.queue.drain import drain
from app.core.queue.schedule import fire_all, last_tick
from app.core.queue.wake import QUEUE
from playhall.testing.services import Services

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def minutely(probed: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application with one schedule: the probe acts every minute."""
    jobs = {name: job for name, job in probed.extensions["playhall"].jobs.items() if not job.cron}
    jobs["probe.tick"] = Job(name="probe.tick", run="probe_plugin.jobs:act", cron="* * * * *")
    monkeypatch.setattr(probed.extensions["playhall"], "jobs", jobs)
    return probed


def fire(app: Flask, now: datetime) -> list[str]:
    with app.app_context():
        return fire_all(now)


def ticks(app: Flask) -> list[datetime]:
    return [row.tick for row in ask(app, "SELECT tick FROM core_job ORDER BY tick")]


@pytest.mark.parametrize(
    ("cron", "now", "tick"),
    [
        ("* * * * *", NOON, NOON),
        ("* * * * *", NOON + timedelta(seconds=59.9), NOON),
        ("* * * * *", NOON - timedelta(milliseconds=1), NOON - MINUTE),
        ("0 3 * * *", NOON, NOON.replace(hour=3)),
        ("30 12 1 * *", NOON, datetime(2026, 2, 1, 12, 30, tzinfo=UTC)),
        ("0 0 29 2 *", NOON, datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_the_last_tick_is_the_newest_that_has_come(cron: str, now: datetime, tick: datetime) -> None:
    """A tick has come from its very moment on."""
    assert last_tick(cron, now) == tick


def test_the_schedules_of_the_core_are_sound() -> None:
    """What purges is scheduled, by five fields."""
    assert all(len((job.cron or "").split()) == 5 and croniter.is_valid(job.cron) for job in CORE_JOBS)


def test_a_new_schedule_waits_for_its_first_tick(minutely: Flask) -> None:
    """A daily job that is deployed at noon does not run at noon."""
    assert fire(minutely, NOON) == []
    assert fire(minutely, NOON + MINUTE) == ["probe.tick"]
    assert ticks(minutely) == [NOON + MINUTE]


def test_each_tick_fires_once(minutely: Flask) -> None:
    """However often it is looked at."""
    for seconds in range(0, 181, 5):
        fire(minutely, NOON + timedelta(seconds=seconds))
    assert ticks(minutely) == [NOON + MINUTE, NOON + 2 * MINUTE, NOON + 3 * MINUTE]


def test_missed_ticks_fire_once_together(minutely: Flask) -> None:
    """Back after an hour: one job, of the newest tick."""
    fire(minutely, NOON)
    assert fire(minutely, NOON + 60 * MINUTE) == ["probe.tick"]
    assert ticks(minutely) == [NOON + 60 * MINUTE]


def test_a_purged_tick_does_not_fire_again(minutely: Flask) -> None:
    """The note of it outlives its job."""
    fire(minutely, NOON)
    fire(minutely, NOON + MINUTE)
    ask(minutely, "DELETE FROM core_job RETURNING 1")
    assert fire(minutely, NOON + MINUTE) == []


def test_a_clock_that_goes_back_fires_nothing_twice(minutely: Flask) -> None:
    """Ten minutes back: quiet until the next new tick."""
    fire(minutely, NOON)
    fire(minutely, NOON + 10 * MINUTE)
    assert fire(minutely, NOON + 2 * MINUTE) == []
    assert fire(minutely, NOON + 11 * MINUTE) == ["probe.tick"]


def test_several_schedulers_fire_each_tick_once(minutely: Flask) -> None:
    """Four schedulers, thirty ticks, all at the same moments: thirty jobs."""
    fire(minutely, NOON)
    together = threading.Barrier(4)
    fired: list[str] = []

    def schedule() -> None:
        for minute in range(1, 31):
            together.wait()
            fired.extend(fire(minutely, NOON + minute * MINUTE))

    threads = [threading.Thread(target=schedule) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ticks(minutely) == [NOON + minute * MINUTE for minute in range(1, 31)]
    assert len(fired) == 30


def test_a_tick_wakes_a_worker_and_its_job_runs(minutely: Flask, services: Services) -> None:
    """Like any other job."""
    fire(minutely, NOON)
    fire(minutely, NOON + MINUTE)
    with Redis.from_url(services.redis_url) as redis:
        assert redis.llen(f"rq:queue:{QUEUE}") == 1
    with minutely.app_context():
        assert drain() == 1
    assert states(minutely) == {"done": 1}


def test_without_schedules_nothing_is_asked(probed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """An application without a schedule leaves the database alone."""
    monkeypatch.setattr(probed.extensions["playhall"], "jobs", {})
    assert fire(probed, NOON) == []


def test_two_scheduler_processes_share_the_ticks(probed: Flask, env: Mapping[str, str]) -> None:
    """By the clock of the database: both run, one is killed, ticks that were missed fire once, and SIGTERM ends the other."""
    noted = "SELECT count(*) FROM core_schedule WHERE name LIKE 'core.purge%'"
    with process("scheduler", env) as first, process("scheduler", env) as second:
        until(lambda: ask(probed, noted)[0][0] == 2)
        assert states(probed) == {}
        first.kill(whole=True)
        ask(probed, "UPDATE core_schedule SET tick = tick - interval '3 hours' RETURNING 1")
        until(lambda: states(probed) == {"ready": 2})
        assert second.stop() == 0
    [row] = ask(probed, "SELECT count(DISTINCT (name, tick)), count(*) FROM core_job")
    assert tuple(row) == (2, 2)
