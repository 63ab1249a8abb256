"""Kafka as a second sink, against the broker that librdkafka brings along."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException
from flask import Flask
from probe_plugin.api import Seen
from probing import ask, process, states, until

from app.core import outbox
from app.core.db import db, transaction
from app.core.events import publish
from app.core.models import OutboxEvent
from app.core.queue import relay
from app.core.queue.figures import figures
from app.core.queue.kafka import KafkaSink, Sent, send_waiting

BROKER = Path(__file__).with_name("broker.py")


@dataclass
class Broker:
    """A broker in a process of its own, which can be frozen and told to refuse."""

    address: str
    popen: subprocess.Popen[str]

    def freeze(self) -> None:
        os.kill(self.popen.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.popen.pid, signal.SIGCONT)

    def refuse(self, *codes: int) -> None:
        """Answer the next batches so."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write(" ".join(map(str, codes)) + "\n")
        self.popen.stdin.flush()
        assert self.popen.stdout.readline() == "so be it\n"


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker with the probe's topic."""
    with subprocess.Popen([sys.executable, BROKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as popen:
        assert popen.stdout is not None
        yield Broker(popen.stdout.readline().strip(), popen)
        popen.kill()


class Reader:
    """A consumer that has its partitions."""

    def __init__(self, address: str) -> None:
        options = {"group.id": uuid4().hex, "auto.offset.reset": "earliest", "log_level": 0}
        self._consumer = Consumer({"bootstrap.servers": address, **options})
        self._consumer.subscribe([Seen.name])
        self.messages: list[Any] = []
        # What is produced before the assignment is only seen thanks to "earliest"; a reader of "latest" would lose it.
        until(lambda: self.read() or self._consumer.assignment())

    def read(self) -> None:
        """Take what is there."""
        while (message := self._consumer.poll(0.2)) is not None:
            if not message.error():
                self.messages.append(message)

    def read_until(self, accounts: set[UUID]) -> None:
        """Read until every one of these has come."""

        def come() -> bool:
            self.read()
            return accounts <= {UUID(value["account_id"]) for value in self.values()}

        until(come, 40)

    def values(self) -> list[dict[str, Any]]:
        return [json.loads(message.value()) for message in self.messages]

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def reading(address: str) -> Iterator[Reader]:
    """A consumer for the length of the block."""
    reader = Reader(address)
    try:
        yield reader
    finally:
        reader.close()


def tell(app: Flask, times: int, note: str = "가") -> set[UUID]:
    return {tell_of(app, uuid4(), note) for _ in range(times)}


def tell_of(app: Flask, account: UUID, note: str) -> UUID:
    with app.app_context():
        transaction(lambda: publish(Seen(account_id=account, at=datetime.now(UTC), counts=(7,), tags={"k": note})))
    return account


def unsent(app: Flask) -> int:
    [row] = ask(app, "SELECT count(*) FROM core_outbox WHERE kafka_at IS NULL")
    return int(row[0])


def test_events_are_produced_and_consumed(probed: Flask, broker: Broker) -> None:
    """The topic is the event's name, the key its account, the value all of it; what has arrived is marked."""
    with probed.app_context(), reading(broker.address) as reader:
        accounts = tell(probed, 3)
        outbox.deliver()
        assert send_waiting(KafkaSink(broker.address, {})) == 3
        assert unsent(probed) == 0
        reader.read_until(accounts)
    assert {message.key().decode() for message in reader.messages} == {str(account) for account in accounts}
    value = reader.values()[0]
    assert value.keys() == {"id", "name", "account_id", "published_at", "payload", "context"}
    seen = Seen.from_payload(value["payload"])
    assert (value["name"], value["account_id"], seen.tags) == (Seen.name, str(seen.account_id), {"k": "가"})


def test_what_did_not_arrive_is_sent_again(probed: Flask) -> None:
    """Only what surely arrived is marked."""

    class Half:
        def send(self, events: list[OutboxEvent]) -> Sent:
            return Sent([event.id for event in events[: len(events) // 2]])

    tell(probed, 4)
    with probed.app_context():
        outbox.deliver()
        assert send_waiting(Half()) == 3  # two, one, none
    assert unsent(probed) == 1


def test_an_event_goes_to_kafka_after_its_jobs(probed: Flask) -> None:
    """So a broker that hangs holds no row that the jobs wait for."""

    class Never:
        def send(self, events: list[OutboxEvent]) -> Sent:
            assert not events
            return Sent()

    tell(probed, 1)
    with probed.app_context():
        assert send_waiting(Never()) == 0


def test_two_relays_do_not_send_the_same(probed: Flask) -> None:
    """One at a time: the second has nothing to do while the first is at it."""
    tell(probed, 2)

    class Nested:
        def send(self, events: list[OutboxEvent]) -> Sent:
            with probed.app_context():
                assert send_waiting(self) == 0
            return Sent([event.id for event in events])

    with probed.app_context():
        outbox.deliver()
        assert send_waiting(Nested()) == 2
        db.session.remove()


def test_a_producer_that_has_failed_for_good_is_replaced(probed: Flask, with_kafka: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay goes on sending with a new one."""
    sent: list[UUID] = []

    class Broken:
        def send(self, events: list[OutboxEvent]) -> Sent:
            raise RuntimeError("fatal")

    class Whole:
        def send(self, events: list[OutboxEvent]) -> Sent:
            sent.extend(event.id for event in events)
            return Sent([event.id for event in events])

    sinks = iter([Whole()])
    monkeypatch.setattr(relay, "make_sink", lambda: next(sinks))
    tell(probed, 1)
    with probed.app_context():
        outbox.deliver()
    relay.relay_to_kafka(probed, Broken(), Rounds(3))
    assert len(sent) == 1


class Rounds:
    """A stop that is asked after so many rounds."""

    def __init__(self, most: int) -> None:
        self._left = most

    @property
    def asked(self) -> bool:
        return self._left <= 0

    def wait(self, seconds: float) -> bool:
        self._left -= 1
        return self.asked


LARGE = "x" * 5000
SMALL = {"message.max.bytes": "2000"}


def notes(reader: Reader) -> list[str]:
    return [value["payload"]["tags"]["k"] for value in reader.values()]


def events(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=["events", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_an_event_that_is_too_large_is_set_aside(probed: Flask, with_kafka: Flask, broker: Broker) -> None:
    """The others arrive in their order, and it is told of; once the size was raised it can be sent again."""
    account = uuid4()
    for note in ("1", LARGE, "2", "3", LARGE, "4"):
        tell_of(probed, account, note)
    with probed.app_context(), reading(broker.address) as reader:
        outbox.deliver()
        assert send_waiting(KafkaSink(broker.address, SMALL)) == 6
        until(lambda: reader.read() or len(reader.messages) == 4)
        assert notes(reader) == ["1", "2", "3", "4"]
        assert send_waiting(KafkaSink(broker.address, SMALL)) == 0
        assert (figures().kafka_refused, figures().kafka_waiting, figures().kafka_lag_s) == (2, 0, 0)
        first, _ = events(probed, "list").splitlines()
        assert "probe.seen.v1" in first
        assert "message.max.bytes" in first
        events(probed, "retry", first.split()[0])
        assert send_waiting(KafkaSink(broker.address, {})) == 1
        events(probed, "retry", "--name", "probe.seen.v1")
        assert send_waiting(KafkaSink(broker.address, {})) == 1
        until(lambda: reader.read() or len(reader.messages) == 6)
        assert notes(reader)[4:] == [LARGE, LARGE]
    assert unsent(probed) == 0
    assert events(probed, "list") == "Kafka has refused no event\n"
    assert [row.action for row in ask(probed, "SELECT action FROM core_audit_log")] == ["events.retry"] * 2


def test_a_batch_that_the_broker_refuses_is_sent_one_by_one(probed: Flask, broker: Broker) -> None:
    """It refuses all of a batch for one message in it: only what is refused alone is set aside."""
    tell(probed, 5)
    with probed.app_context():
        outbox.deliver()
        # The batch, and then the second of the five.
        broker.refuse(KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.NO_ERROR, KafkaError.INVALID_RECORD)
        # As one batch: the broker's topic has four partitions.
        assert send_waiting(KafkaSink(broker.address, {"partitioner": "consistent", "linger.ms": "200"})) == 5
    rows = ask(probed, "SELECT kafka_at, kafka_error FROM core_outbox ORDER BY id")
    assert [row.kafka_at is None for row in rows] == [False, True, False, False, False]
    assert "Broker" in rows[1].kafka_error


def test_a_broker_that_fails_while_one_by_one_is_asked_later(probed: Flask, broker: Broker) -> None:
    """What it did not answer for is neither sent nor refused."""
    tell(probed, 2)
    with probed.app_context():
        outbox.deliver()
        broker.refuse(KafkaError.MSG_SIZE_TOO_LARGE, *[KafkaError.REQUEST_TIMED_OUT] * 500)
        assert send_waiting(KafkaSink(broker.address, {"linger.ms": "200", "message.timeout.ms": "1000"})) == 0
    assert unsent(probed) == 2
    assert events(probed, "list") == "Kafka has refused no event\n"


def test_a_client_that_is_full_sends_the_rest_afterwards(probed: Flask, broker: Broker) -> None:
    """In rounds of what it holds."""
    tell(probed, 3)
    with probed.app_context():
        outbox.deliver()
        assert send_waiting(KafkaSink(broker.address, {"queue.buffering.max.messages": "1"})) == 3
    assert unsent(probed) == 0


def test_a_failure_of_the_client_is_nobodys_refusal(probed: Flask) -> None:
    """It ends the round; the relay goes on with another client."""

    class Fatal:
        def produce(self, *_: object, **__: object) -> None:
            raise KafkaException(KafkaError(KafkaError._FATAL))

    sink = KafkaSink("127.0.0.1:1", {})
    sink._producer = Fatal()  # type: ignore[assignment]
    tell(probed, 1)
    with probed.app_context():
        outbox.deliver()
        with pytest.raises(KafkaException):
            send_waiting(sink)
    assert events(probed, "list") == "Kafka has refused no event\n"


def test_a_refused_event_is_discarded(probed: Flask) -> None:
    """For good, and the audit log says so; one that waits is left alone."""
    tell(probed, 2)
    ask(
        probed,
        "UPDATE core_outbox SET jobs_at = now(), kafka_error = 'no' WHERE id = (SELECT min(id::text)::uuid FROM core_outbox) RETURNING 1",
    )
    assert events(probed, "discard", "--name", "probe.seen.v1").endswith("discarded\n")
    [left] = ask(probed, "SELECT id, kafka_error FROM core_outbox")
    assert left.kafka_error is None
    result = probed.test_cli_runner().invoke(args=["events", "discard", str(left.id)])
    assert result.exit_code != 0
    assert "was not refused" in result.output
    [entry] = ask(probed, "SELECT action, object, before FROM core_audit_log")
    assert (entry.action, entry.before) == ("events.discard", {"name": "probe.seen.v1", "error": "no"})


def test_a_missing_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka is an extra."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(RuntimeError, match=r"pip install 'playhall\[kafka\]'"):
        KafkaSink("127.0.0.1:1", {})


@pytest.fixture
def with_kafka(probed: Flask, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application with Kafka switched on."""
    playhall = probed.extensions["playhall"]
    monkeypatch.setattr(playhall, "settings", replace(playhall.settings, kafka_servers=broker.address))
    return probed


def test_a_broker_that_is_down_loses_nothing(probed: Flask, with_kafka: Flask, broker: Broker, env: Mapping[str, str]) -> None:
    """While it is frozen, jobs are made as ever and events wait; when it is back, every event arrives."""
    env = {**env, "PLAYHALL_KAFKA_SERVERS": broker.address}
    with reading(broker.address) as reader, process("relay", env) as relay:
        accounts = tell(probed, 5)
        reader.read_until(accounts)
        until(lambda: unsent(probed) == 0)
        broker.freeze()
        accounts |= tell(probed, 5)
        until(lambda: states(probed) == {"ready": 20})
        time.sleep(6)  # longer than a message may take
        with probed.app_context():
            assert figures().kafka_waiting == 5
        accounts |= tell(probed, 5)
        until(lambda: states(probed) == {"ready": 30})
        broker.thaw()
        reader.read_until(accounts)
        until(lambda: unsent(probed) == 0)
        assert relay.stop(40) == 0
