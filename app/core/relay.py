"""`flask relay`: events to jobs and to Kafka, and the sweep that wakes workers for what was left."""

from __future__ import annotations

import threading
import time

from flask import Flask

from app.core import claims, outbox
from app.core.db import db
from app.core.kafka import KafkaSink, send_waiting
from app.core.state import state
from app.core.stop import Stop, pause, steadily
from app.core.wake import wake

# NOTIFY in the publishing transaction would save this query and cost 60 % of all commits: they queue behind one lock.
POLL_S = 0.1
SWEEP_S = 1.0


def run(app: Flask) -> None:
    """Relay until SIGTERM or SIGINT. Any number may run at once."""
    stop = Stop()
    with app.app_context():
        servers = state().settings.kafka_servers
    kafka = threading.Thread(target=_relay_to_kafka, args=(app, stop), name="kafka") if servers else None
    if kafka:
        kafka.start()
    swept = 0.0
    while not stop.asked:
        due = time.monotonic() >= swept + SWEEP_S
        done = steadily(app, relay_and_sweep if due else relay, "relay")
        swept = time.monotonic() if due and done else swept
        stop.wait(pause(done, POLL_S))
    if kafka:
        kafka.join()
    stop.close()


def relay() -> None:
    """Turn every event that waits into jobs."""
    while outbox.deliver() == outbox.BATCH:
        pass


def relay_and_sweep() -> None:
    """Also make ready what a dead worker held, and wake the workers when anything is due."""
    relay()
    sweep()


def sweep() -> None:
    """Repair what was lost on the way: a wake that Redis did not take, a worker that died, a job that is due by now."""
    claims.reap(db.engine)
    if claims.is_due(db.engine):
        wake()


def _relay_to_kafka(app: Flask, stop: Stop) -> None:
    with app.app_context():
        sink = KafkaSink(state().settings.kafka_servers, state().settings.kafka_options)
    while not stop.asked:
        done = steadily(app, lambda: send_waiting(sink), "relay")
        stop.wait(pause(done, POLL_S))
