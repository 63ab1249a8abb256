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
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import Consumer
from flask import Flask
from probe_plugin.api import Seen
from probing import ask, process, states, until

from app.core import outbox
from app.core.db import db, transaction
from app.core.events import publish
from app.core.models import OutboxEvent
from app.core.queue import relay
from app.core.queue.figures import figures
from app.core.queue.kafka import KafkaSink, send_waiting

BROKER = """
import time
from confluent_kafka import Producer
producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none", "log_level": 0})
[broker] = producer.list_topics("probe.seen.v1", timeout=10).brokers.values()
print(f"{broker.host}:{broker.port}", flush=True)
time.sleep(1000)
"""


@dataclass
class Broker:
    """A broker in a process of its own, which can be frozen."""

    address: str
    popen: subprocess.Popen[str]

    def freeze(self) -> None:
        os.kill(self.popen.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.popen.pid, signal.SIGCONT)


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker with the probe's topic."""
    with subprocess.Popen([sys.executable, "-c", BROKER], stdout=subprocess.PIPE, text=True) as popen:
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


def tell(app: Flask, times: int) -> set[UUID]:
    accounts = [uuid4() for _ in range(times)]
    with app.app_context():
        for account in accounts:
            transaction(lambda account=account: publish(Seen(account_id=account, at=datetime.now(UTC), counts=(7,), tags={"k": "가"})))
    return set(accounts)


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
        def send(self, events: list[OutboxEvent]) -> list[UUID]:
            return [event.id for event in events[: len(events) // 2]]

    tell(probed, 4)
    with probed.app_context():
        outbox.deliver()
        assert send_waiting(Half()) == 3  # two, one, none
    assert unsent(probed) == 1


def test_an_event_goes_to_kafka_after_its_jobs(probed: Flask) -> None:
    """So a broker that hangs holds no row that the jobs wait for."""

    class Never:
        def send(self, events: list[OutboxEvent]) -> list[UUID]:
            assert not events
            return []

    tell(probed, 1)
    with probed.app_context():
        assert send_waiting(Never()) == 0


def test_two_relays_do_not_send_the_same(probed: Flask) -> None:
    """One at a time: the second has nothing to do while the first is at it."""
    tell(probed, 2)

    class Nested:
        def send(self, events: list[OutboxEvent]) -> list[UUID]:
            with probed.app_context():
                assert send_waiting(self) == 0
            return [event.id for event in events]

    with probed.app_context():
        outbox.deliver()
        assert send_waiting(Nested()) == 2
        db.session.remove()


def test_a_producer_that_has_failed_for_good_is_replaced(probed: Flask, with_kafka: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay goes on sending with a new one."""
    sent: list[UUID] = []

    class Broken:
        def send(self, events: list[OutboxEvent]) -> list[UUID]:
            raise RuntimeError("fatal")

    class Whole:
        def send(self, events: list[OutboxEvent]) -> list[UUID]:
            sent.extend(event.id for event in events)
            return [event.id for event in events]

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
