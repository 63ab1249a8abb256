"""`flask scheduler`: each tick of each schedule becomes one job, however many schedulers run."""

from __future__ import annotations

from datetime import datetime, timedelta

from croniter import croniter
from flask import Flask
from sqlalchemy import func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import after_commit, session, transaction, uuid7
from app.core.health import health
from app.core.models import JobRow, Schedule
from app.core.plugin import Job
from app.core.queue.stop import Steady, Stop, pause
from app.core.queue.wake import wake
from app.core.state import state

ROUND_S = 1.0


def run(app: Flask) -> None:
    """Schedule until SIGTERM or SIGINT. Any number may run at once."""
    stop = Stop()
    health(app).stand_guard()
    steady = Steady(app, "scheduler")
    while not stop.asked:
        stop.wait(pause(steady(fire_all), ROUND_S))
    stop.close()


def fire_all(now: datetime | None = None) -> list[str]:
    """Make the jobs whose tick has come, by the clock of the database; the names fired here."""
    jobs = [(job, job.cron) for job in state().jobs.values() if job.cron]
    if not jobs:
        return []
    moment = now or transaction(lambda: session().scalars(select(func.now())).one())
    return [job.name for job, cron in jobs if fire(job, last_tick(cron, moment))]


def last_tick(cron: str, now: datetime) -> datetime:
    """The newest tick that is not after `now`, in UTC."""
    tick: datetime = croniter(cron, now.replace(microsecond=0) + timedelta(seconds=1)).get_prev(datetime)
    return tick


def fire(job: Job, tick: datetime) -> bool:
    """Make the job of this tick, once; whether it was made here.

    Ticks that were missed become one job, not many. The first tick ever seen is only noted: it was before the job's time.
    """
    return transaction(lambda: _fire(job, tick))


def _fire(job: Job, tick: datetime) -> bool:
    # The cheap look first: all but one of the rounds between two ticks end here, without a write.
    if session().scalar(select(Schedule.tick).where(Schedule.name == job.name, Schedule.tick >= tick)):
        return False
    note = insert(Schedule).values(name=job.name, tick=tick)
    newer = note.on_conflict_do_update(index_elements=["name"], set_={"tick": tick}, where=Schedule.tick < tick)
    # xmax is 0 in a row that this statement inserted.
    first_seen = session().scalar(newer.returning(literal_column("xmax = 0")))
    if first_seen is not False:
        return False
    session().add(JobRow(id=uuid7(), name=job.name, payload={}, tick=tick))
    after_commit(wake)
    return True
