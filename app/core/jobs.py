"""Jobs: work that runs outside a request. The row is the job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.core.db import after_commit, session, uuid7
from app.core.errors import TooManyJobs
from app.core.events import correlation
from app.core.models import JobRow
from app.core.plugin import Job
from app.core.queue.payload import encode
from app.core.queue.wake import wake
from app.core.state import state

_RETRY_AFTER_S = 5

CORE_JOBS = (
    Job(name="core.purge_keys", run="app.core.queue.purge:purge_keys", cron="7 * * * *"),
    Job(name="core.purge_queue", run="app.core.queue.purge:purge_queue", cron="17 * * * *"),
)


class UnknownJob(LookupError):
    """No enabled plugin has a job of that name."""


@dataclass(frozen=True, slots=True)
class RunningJob:
    """The job that runs here. Its id is the same in every attempt: the key that makes a call to the outside repeatable."""

    id: UUID
    name: str
    attempt: int  # 1 for the first
    event_id: UUID | None  # of the event, when a subscription caused it


_running: ContextVar[RunningJob | None] = ContextVar("running_job", default=None)


def enqueue(name: str, payload: Mapping[str, Any] | None = None, *, account_id: UUID | None = None, run_at: datetime | None = None) -> UUID:
    """Have the job run with this payload, when and only when the transaction under way commits; its id.

    `account_id` is the account that asked for it; over its share (setting `max_jobs_per_account`) TooManyJobs is raised.
    Raises UnknownJob, and TypeError for a payload that cannot travel.
    """
    if name not in state().jobs:
        raise UnknownJob(f"{name!r} is no job of an enabled plugin; add it to Plugin.jobs")
    values = encode(payload or {})
    if account_id is not None:
        _take_place(account_id)
    row = JobRow(id=uuid7(), name=name, payload=values, context=correlation(), account_id=account_id)
    if run_at is not None:
        row.run_at = run_at
    session().add(row)
    if run_at is None or run_at <= datetime.now(UTC):
        _wake_once()
    return row.id


def current_job() -> RunningJob:
    """The job that runs here; raises RuntimeError outside one."""
    job = _running.get()
    if job is None:
        raise RuntimeError("no job runs here; current_job() is for what a Job's `run` calls")
    return job


@contextmanager
def running(job: RunningJob) -> Iterator[None]:
    """Let `current_job()` answer with this one."""
    token = _running.set(job)
    try:
        yield
    finally:
        _running.reset(token)


def _take_place(account_id: UUID) -> None:
    # The lock is held until the commit: the next one to count sees what this one adds.
    session().execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"core_job:{account_id}", 0))))
    under_way = select(func.count()).where(JobRow.account_id == account_id, JobRow.state.in_(["ready", "running"]))
    most = state().settings.max_jobs_per_account
    if session().scalars(under_way).one() >= most:
        detail = f"{most} jobs of this account are under way; wait for one to finish"
        raise TooManyJobs(detail, headers={"Retry-After": str(_RETRY_AFTER_S)})


def _wake_once() -> None:
    if wake not in session().info.get("after_commit", ()):
        after_commit(wake)
