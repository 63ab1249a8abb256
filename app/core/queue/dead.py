"""Jobs as an operator sees them, and what can be done about a dead one. Every act is in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select, update

from app.core.audit import audit
from app.core.db import after_commit, session
from app.core.errors import NotFound
from app.core.models import JobRow
from app.core.queue.wake import wake

STATES = ("ready", "running", "done", "dead")


def find(state: str = "dead", *, name: str | None = None, limit: int = 50) -> Sequence[JobRow]:
    """Jobs in this state, the oldest first."""
    rows = select(JobRow).where(JobRow.state == state).order_by(JobRow.id).limit(limit)
    return session().scalars(rows if name is None else rows.where(JobRow.name == name)).all()


def show(job: UUID) -> JobRow:
    """One job; raises NotFound."""
    row = session().get(JobRow, job)
    if row is None:
        raise NotFound(f"there is no job {job}")
    return row


def retry(job: UUID) -> None:
    """Give a dead job all its attempts again; raises NotFound when it is not dead."""
    # The number that fences stays: a worker of the job's first life must not finish its second.
    again = update(JobRow).where(JobRow.id == job, JobRow.state == "dead").returning(JobRow.name, JobRow.error)
    row = session().execute(again.values(state="ready", attempt=0, run_at=func.now(), finished_at=None)).one_or_none()
    _note("jobs.retry", job, row)
    after_commit(wake)


def discard(job: UUID) -> None:
    """Delete a dead job; raises NotFound when it is not dead."""
    gone = delete(JobRow).where(JobRow.id == job, JobRow.state == "dead").returning(JobRow.name, JobRow.error)
    _note("jobs.discard", job, session().execute(gone).one_or_none())


def _note(action: str, job: UUID, row: Sequence[str | None] | None) -> None:
    if row is None:
        raise NotFound(f"job {job} is not dead; `flask jobs list` shows those that are")
    audit(action, f"core_job:{job}", before={"name": row[0], "error": row[1]})
