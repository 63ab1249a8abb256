"""What is old is deleted, a batch per job, so that no deletion holds anybody up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_

from app.core.db import session
from app.core.jobs import current_job, enqueue
from app.core.models import IdempotencyKey, JobRow, OutboxEvent
from app.core.state import state

BATCH = 5000
KEYS_KEPT = timedelta(days=7)


def purge_keys() -> None:
    """Forget the idempotency keys that no client may use again."""
    old = select(IdempotencyKey.account_id, IdempotencyKey.key).where(IdempotencyKey.created_at < func.now() - KEYS_KEPT)
    _again_if_full(_delete(delete(IdempotencyKey).where(tuple_(IdempotencyKey.account_id, IdempotencyKey.key).in_(old.limit(BATCH)))))


def purge_queue() -> None:
    """Forget finished jobs and relayed events. Dead letters stay until an operator decides."""
    settings = state().settings
    before = uuid7_at(datetime.now(UTC) - timedelta(days=settings.queue_days))
    # The id leads to what may be old enough; a job that was retried or put off has finished later than it was made.
    kept = func.now() - timedelta(days=settings.queue_days)
    finished = select(JobRow.id).where(JobRow.id < before, JobRow.state == "done", JobRow.finished_at < kept)
    relayed = select(OutboxEvent.id).where(OutboxEvent.id < before, OutboxEvent.jobs_at.is_not(None))
    if settings.kafka_servers:
        relayed = relayed.where(OutboxEvent.kafka_at.is_not(None))
    jobs = _delete(delete(JobRow).where(JobRow.id.in_(finished.limit(BATCH))))
    events = _delete(delete(OutboxEvent).where(OutboxEvent.id.in_(relayed.limit(BATCH))))
    _again_if_full(max(jobs, events))


def uuid7_at(moment: datetime) -> UUID:
    """The smallest UUIDv7 of that moment: ids are in the order of time, so the primary key finds what is old."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62)


def _delete(statement: Any) -> int:
    deleted: int = session().connection().execute(statement).rowcount
    return deleted


def _again_if_full(deleted: int) -> None:
    if deleted == BATCH:
        enqueue(current_job().name)
