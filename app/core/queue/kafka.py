"""Kafka as a second sink of the outbox; off unless `kafka_servers` is set. At least once, in the order of publishing as a rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy import func, select

from app.core.db import session, transaction
from app.core.models import OutboxEvent
from app.core.outbox import mark

BATCH = 500
_GIVE_UP_MS = 5000
_ONE_AT_A_TIME = "core_outbox:kafka"

log = structlog.get_logger(__name__)


class Sink(Protocol):
    """Where events go besides jobs."""

    def send(self, events: Sequence[OutboxEvent]) -> list[UUID]:
        """Hand the events over; the ids of those that have surely arrived."""
        ...


class KafkaSink:
    """One topic per event name, keyed by account, so that an account's events of one name stay in order."""

    def __init__(self, servers: str, options: Mapping[str, str]) -> None:
        try:
            from confluent_kafka import Producer
        except ImportError as error:
            raise RuntimeError("PLAYHALL_KAFKA_SERVERS is set; install the client with: pip install 'playhall[kafka]'") from error
        reliable = {"acks": "all", "enable.idempotence": True, "message.timeout.ms": _GIVE_UP_MS, "linger.ms": 5}
        self._producer = Producer({"bootstrap.servers": servers, **reliable, **options})

    def send(self, events: Sequence[OutboxEvent]) -> list[UUID]:
        """Produce them and wait, up to five seconds, for the brokers to acknowledge."""
        arrived: list[UUID] = []
        for event in events:
            key = str(event.account_id) if event.account_id else None
            self._producer.produce(event.name, key=key, value=message(event), on_delivery=_noting(event.id, arrived))
        self._producer.flush(2 * _GIVE_UP_MS / 1000)
        return arrived


def _noting(event: UUID, arrived: list[UUID]) -> Any:
    def note(error: object, _message: object) -> None:
        if error is None:
            arrived.append(event)
        else:
            log.warning("kafka.not_delivered", event_id=str(event), error=str(error))

    return note


def message(event: OutboxEvent) -> bytes:
    """What a consumer reads. It may come twice: the id says so."""
    value = {
        "id": str(event.id),
        "name": event.name,
        "account_id": str(event.account_id) if event.account_id else None,
        "published_at": event.created_at.isoformat(),
        "payload": event.payload,
        "context": event.context,
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def send_waiting(sink: Sink) -> int:
    """Send what Kafka has not had until nothing waits or the broker fails; how many arrived."""
    total = 0
    while arrived := transaction(lambda: _send(sink)):
        total += arrived
    return total


def _send(sink: Sink) -> int:
    # One relay at a time keeps the order; the lock goes with the transaction, even when the relay is killed.
    if not session().scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(_ONE_AT_A_TIME, 0)))):
        return 0
    waiting = select(OutboxEvent).where(OutboxEvent.kafka_at.is_(None), OutboxEvent.jobs_at.is_not(None))
    arrived = sink.send(session().scalars(waiting.order_by(OutboxEvent.id).limit(BATCH)).all())
    if arrived:
        mark(arrived, OutboxEvent.kafka_at.key)
    return len(arrived)
