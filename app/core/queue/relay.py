"""`flask relay`: events to jobs and to Kafka, and the sweep that wakes workers for what was left."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from functools import partial

import structlog
from flask import Flask

from app.core import outbox
from app.core.db import db
from app.core.health import health
from app.core.queue import claims
from app.core.queue.kafka import KafkaSink, Sink, send_waiting
from app.core.queue.stop import Steady, Stop, pause
from app.core.queue.wake import wake
from app.core.state import state

# NOTIFY in the publishing transaction would save this query and cost 60 % of all commits: they queue behind one lock.
POLL_S = 0.1
SWEEP_S = 1.0

log = structlog.get_logger(__name__)


def run(app: Flask) -> None:
    """Relay until SIGTERM or SIGINT. Any number may run at once."""
    stop = Stop()
    health(app).stand_guard()
    with app.app_context(), ExitStack() as stack:
        stack.callback(stop.close)
        if state().settings.kafka_servers:
            kafka = threading.Thread(target=relay_to_kafka, args=(app, make_sink(), stop), name="kafka")
            kafka.start()
            stack.callback(kafka.join)
            stack.callback(stop.ask)  # whatever ends this loop ends the thread
        _relay_to_jobs(app, stop)


def _relay_to_jobs(app: Flask, stop: Stop) -> None:
    steady = Steady(app, "relay")
    swept = 0.0
    while not stop.asked:
        due = time.monotonic() >= swept + SWEEP_S
        done = steady(relay_and_sweep if due else relay)
        swept = time.monotonic() if due and done else swept
        stop.wait(pause(done, POLL_S))


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


def make_sink() -> Sink:
    """Kafka as the settings have it."""
    settings = state().settings
    return KafkaSink(settings.kafka_servers, settings.kafka_options)


def relay_to_kafka(app: Flask, sink: Sink, stop: Stop) -> None:
    """Send what waits, until asked to stop. A producer that has failed for good is replaced."""
    steady = Steady(app, "kafka")
    while not stop.asked:
        try:
            done = steady(partial(send_waiting, sink))
        except Exception:
            log.exception("kafka.failed")
            done = False
            with app.app_context():
                sink = make_sink()
        stop.wait(pause(done, POLL_S))
