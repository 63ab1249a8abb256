"""Events that Kafka refused, and what can be done about them. Their jobs were made all the same. Every act is in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.core.audit import audit
from app.core.db import session
from app.core.errors import NotFound
from app.core.models import OutboxEvent


def find(*, name: str | None = None, limit: int = 50) -> Sequence[OutboxEvent]:
    """Events that were set aside, the oldest first."""
    rows = select(OutboxEvent).where(OutboxEvent.kafka_error.is_not(None)).order_by(OutboxEvent.id).limit(limit)
    return session().scalars(rows if name is None else rows.where(OutboxEvent.name == name)).all()


def retry(event: UUID) -> None:
    """Have it sent again, after those that arrived meanwhile; raises NotFound when it was not refused."""
    _take("events.retry", event).kafka_error = None


def discard(event: UUID) -> None:
    """Delete it; raises NotFound when it was not refused."""
    session().delete(_take("events.discard", event))


def _take(action: str, event: UUID) -> OutboxEvent:
    row = session().get(OutboxEvent, event, with_for_update=True)
    if row is None or row.kafka_error is None:
        raise NotFound(f"event {event} was not refused; `flask events list` shows those that were")
    audit(action, f"core_outbox:{event}", before={"name": row.name, "error": row.kafka_error})
    return row
