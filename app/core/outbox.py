"""The way out of the outbox: each event becomes one job per subscription, exactly once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import after_commit, session, transaction, uuid7
from app.core.models import JobRow, OutboxEvent
from app.core.queue.wake import wake
from app.core.state import state

BATCH = 500


def deliver() -> int:
    """Turn up to 500 committed events into jobs, in one transaction with the mark that says so; how many events.

    Several relays may do so at once. Never "id greater than the last seen": ids are given out before the commit.
    """
    return transaction(_deliver)


def _deliver() -> int:
    waiting = select(OutboxEvent.id, OutboxEvent.name, OutboxEvent.payload, OutboxEvent.context)
    # An event of a plugin that is not enabled here waits for a relay that knows who wants it.
    known = OutboxEvent.name.in_(state().events)
    taken = waiting.where(OutboxEvent.jobs_at.is_(None), known).order_by(OutboxEvent.id).limit(BATCH).with_for_update(skip_locked=True)
    events = session().execute(taken).all()
    if not events:
        return 0
    if jobs := list(_jobs(events)):
        session().execute(insert(JobRow).on_conflict_do_nothing(index_elements=["name", "event_id"]), jobs)
        after_commit(wake)
    mark([event.id for event in events], OutboxEvent.jobs_at.key)
    return len(events)


def mark(ids: Sequence[UUID], column: str) -> None:
    """Say that a sink has had these events."""
    session().execute(update(OutboxEvent).where(OutboxEvent.id.in_(ids)).values({column: func.now()}))


def _jobs(events: Sequence[Any]) -> Iterator[dict[str, Any]]:
    subscriptions = state().subscriptions
    for event in events:
        for subscription in subscriptions.get(event.name, ()):
            yield {
                "id": uuid7(),
                "name": subscription.job,
                "payload": event.payload,
                "context": event.context,
                "event_id": event.id,
            }
