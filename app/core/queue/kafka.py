"""Kafka as a second sink of the outbox; off unless `kafka_servers` is set. At least once, in the order of publishing as a rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy import func, select, update

from app.core.db import session, transaction
from app.core.models import OutboxEvent
from app.core.outbox import mark

BATCH = 500
_GIVE_UP_MS = 5000
_ONE_AT_A_TIME = "core_outbox:kafka"
_RAISE = "raise message.max.bytes, of the topic and in PLAYHALL_KAFKA_OPTIONS"
# What a message or its topic is refused for, and the remedy: sent again as it is, it would be refused again, and hold up all others.
_REFUSED = {
    "INVALID_MSG_SIZE": _RAISE,
    "INVALID_RECORD": "see what the brokers say of it",
    "INVALID_TIMESTAMP": "see message.timestamp of the topic",
    "MSG_SIZE_TOO_LARGE": _RAISE,
    "POLICY_VIOLATION": "see the policies of the brokers",
    "RECORD_LIST_TOO_LARGE": _RAISE,
    "TOPIC_AUTHORIZATION_FAILED": "allow writing to the topic",
    "TOPIC_EXCEPTION": "the brokers take no topic of this name",
    "UNKNOWN_TOPIC_OR_PART": "create the topic",
    "_INVALID_DIFFERENT_RECORD": "another message of its batch was refused",
    "_UNKNOWN_TOPIC": "create the topic",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the events. Those in neither wait for the next round."""

    arrived: list[UUID] = field(default_factory=list)
    refused: dict[UUID, str] = field(default_factory=dict)  # and why


class Sink(Protocol):
    """Where events go besides jobs."""

    def send(self, events: Sequence[OutboxEvent]) -> Sent:
        """Hand the events over, and wait for what becomes of them."""
        ...


class KafkaSink:
    """One topic per event name, keyed by account, so that an account's events of one name stay in order."""

    def __init__(self, servers: str, options: Mapping[str, str]) -> None:
        try:
            from confluent_kafka import KafkaError, KafkaException, Producer
        except ImportError as error:
            raise RuntimeError("PLAYHALL_KAFKA_SERVERS is set; install the client with: pip install 'playhall[kafka]'") from error
        reliable = {"acks": "all", "enable.idempotence": True, "message.timeout.ms": _GIVE_UP_MS, "linger.ms": 5}
        self._producer = Producer({"bootstrap.servers": servers, **reliable, **options})
        self._failure = KafkaException
        self._refused = {getattr(KafkaError, name): remedy for name, remedy in _REFUSED.items()}

    def send(self, events: Sequence[OutboxEvent]) -> Sent:
        """Produce them and wait, five seconds as a rule and ten at most, for the brokers' answers."""
        first = self._produce(events)
        sent = Sent(first.arrived)
        # A broker refuses a whole batch for one message in it. Only what is refused alone is refused for itself.
        for event in (event for event in events if event.id in first.refused):
            alone = self._produce([event])
            if not (alone.arrived or alone.refused):  # the broker is away: the rest waits with it
                break
            sent.arrived.extend(alone.arrived)
            sent.refused.update(alone.refused)
        return sent

    def _produce(self, events: Sequence[OutboxEvent]) -> Sent:
        sent = Sent()
        for event in events:
            key = str(event.account_id) if event.account_id else None
            try:
                self._producer.produce(event.name, key=key, value=message(event), on_delivery=self._noting(event.id, sent))
            except BufferError:  # the client holds no more; what follows has its turn in the next round
                break
            except self._failure as error:
                if error.args[0].code() not in self._refused:
                    raise
                sent.refused[event.id] = self._reason(error.args[0])
        self._producer.flush(2 * _GIVE_UP_MS / 1000)
        return sent

    def _reason(self, error: Any) -> str:
        return f"{error.str()}; {self._refused[error.code()]}"

    def _noting(self, event: UUID, sent: Sent) -> Any:
        def note(error: Any, _message: object) -> None:
            if error is None:
                sent.arrived.append(event)
            elif error.code() in self._refused:
                sent.refused[event] = self._reason(error)
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
    """Send what Kafka has not had until nothing waits or the broker fails; how many arrived or were refused."""
    total = 0
    while settled := transaction(lambda: _send(sink)):
        total += settled
    return total


def _send(sink: Sink) -> int:
    # One relay at a time keeps the order; the lock goes with the transaction, even when the relay is killed.
    if not session().scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(_ONE_AT_A_TIME, 0)))):
        return 0
    waiting = select(OutboxEvent).where(OutboxEvent.kafka_at.is_(None), OutboxEvent.jobs_at.is_not(None), OutboxEvent.kafka_error.is_(None))
    sent = sink.send(session().scalars(waiting.order_by(OutboxEvent.id).limit(BATCH)).all())
    if sent.arrived:
        mark(sent.arrived, OutboxEvent.kafka_at.key)
    for event, reason in sent.refused.items():
        log.error("kafka.refused", event_id=str(event), reason=reason, hint="it is set aside; see: flask events list")
        session().execute(update(OutboxEvent).where(OutboxEvent.id == event).values(kafka_error=reason))
    return len(sent.arrived) + len(sent.refused)
