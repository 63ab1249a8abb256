"""Who runs a job: claim, lease, verdict. Each is one statement, fenced by a number that rises with each claim."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Executable, func, literal, select, update
from sqlalchemy.dialects.postgresql import INTERVAL, Insert, insert
from sqlalchemy.sql.dml import ReturningUpdate, Update

from app.core.models import JobRow, JobTotal

LEASE = timedelta(seconds=15)
UNKNOWN_PAUSE = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(hours=1)
WORKER_DIED = "the worker died or lost the database; for more time or memory raise PLAYHALL_JOB_TIMEOUT_S or PLAYHALL_JOB_MEMORY_MB"
# Rows that a total is spread over: two workers that finish at once meet on one in sixteen cases.
SLOTS = 16
_KEY = ["name", "outcome", "slot"]


class Fenced(Exception):
    """Somebody else has this job by now: what was done for it is rolled back."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is ours until the lease ends."""

    id: UUID
    name: str
    payload: dict[str, Any]
    context: dict[str, str] | None
    event_id: UUID | None
    attempt: int  # 1 for the first, also after an operator's retry
    fence: int  # no other claim of this job has, had or will have it
    error: str | None  # why the attempt before this one failed


_DUE = (JobRow.state == "ready", JobRow.run_at <= func.now())
_NEXT = select(JobRow.id).where(*_DUE).order_by(JobRow.run_at, JobRow.id).limit(1).with_for_update(skip_locked=True).scalar_subquery()


def claim(engine: Engine) -> Claim | None:
    """Take the job that has been due longest; None when nothing is due."""
    statement: ReturningUpdate[Any] = (
        update(JobRow)
        .where(JobRow.id == _NEXT)
        .values(state="running", attempt=JobRow.attempt + 1, fence=JobRow.fence + 1, lease_until=_from_now(LEASE))
        .returning(*(getattr(JobRow, field.name) for field in fields(Claim)))
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        row = connection.execute(statement).one_or_none()
    return None if row is None else Claim(*row)


def is_due(engine: Engine) -> bool:
    """Whether a job waits for a worker."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return connection.scalar(select(JobRow.id).where(*_DUE).limit(1)) is not None


def renew(engine: Engine, job: Claim) -> bool:
    """Keep the job for another lease; False when it is ours no more."""
    return _say(engine, _ours(job).values(lease_until=_from_now(LEASE)))


def reap(engine: Engine) -> None:
    """Make ready again what a worker took and left."""
    expired = (JobRow.state == "running", JobRow.lease_until < func.now())
    # A row that is locked is being renewed or finished at this moment.
    left = select(JobRow.id).where(*expired).with_for_update(skip_locked=True)
    freed = update(JobRow).where(JobRow.id.in_(left)).values(state="ready", lease_until=None, error=WORKER_DIED)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(_counted(freed, "failed"))


def done(job: Claim) -> Executable:
    """Mark it done: the last statement of the handler's own transaction. Touches no row when the job is ours no more."""
    return _counted(_ours(job).values(state="done", lease_until=None, error=None, finished_at=func.now()), "done")


def fail(engine: Engine, job: Claim, *, retries: int, reason: str, backoff_s: float) -> bool:
    """Have it tried again later, or give it up after the last attempt; False when it is ours no more."""
    if job.attempt > retries:
        return bury(engine, job, reason)
    pause = _from_now(backoff(job.attempt, backoff_s))
    verdict = _ours(job).values(state="ready", lease_until=None, run_at=pause, error=_clean(reason))
    return _say(engine, _counted(verdict, "failed"))


def bury(engine: Engine, job: Claim, reason: str, *, attempts: int | None = None) -> bool:
    """Make it a dead letter, for an operator to retry or discard."""
    values = {"state": "dead", "lease_until": None, "finished_at": func.now(), "error": _clean(reason)}
    verdict = _ours(job).values(**values, attempt=job.attempt if attempts is None else attempts)
    return _say(engine, _counted(verdict, "dead"))


def postpone(engine: Engine, job: Claim) -> bool:
    """Put it back for later without using up an attempt."""
    return _say(engine, _ours(job).values(state="ready", lease_until=None, attempt=job.attempt - 1, run_at=_from_now(UNKNOWN_PAUSE)))


def backoff(attempt: int, first_s: float) -> timedelta:
    """How long to wait after this attempt: three times as long each time, an hour at most, and a fifth more or less."""
    wait = min(first_s * 3.0 ** min(attempt - 1, 20), LONGEST_BACKOFF.total_seconds())
    return timedelta(seconds=wait * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret


def _ours(job: Claim) -> Update:
    return update(JobRow).where(JobRow.id == job.id, JobRow.fence == job.fence, JobRow.state == "running")


def _counted(verdict: Update, outcome: str) -> Insert:
    """The verdict, and one more in the totals of each job's name that it touched, in one statement; as many rows as names."""
    ended = verdict.returning(JobRow.name).cte("ended")
    name = ended.c.name
    rows = select(name, literal(outcome), literal(os.getpid() % SLOTS), func.count()).group_by(name).order_by(name)
    added = insert(JobTotal).from_select([*_KEY, "total"], rows)
    both = added.on_conflict_do_update(index_elements=_KEY, set_={"total": JobTotal.total + added.excluded.total})
    # SQLAlchemy forgets how many rows an INSERT had, unless it is told to keep it.
    return both.execution_options(preserve_rowcount=True)


def _say(engine: Engine, statement: Executable) -> bool:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return connection.execute(statement).rowcount == 1


def _from_now(wait: timedelta) -> Any:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, wait.total_seconds(), type_=INTERVAL)


def _clean(reason: str) -> str:
    """What PostgreSQL can store: no NUL, no lone surrogate, and no novel."""
    return reason.replace("\0", "").encode("utf-8", "replace").decode()[:2000]
