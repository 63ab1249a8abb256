"""The process that runs handlers and may die of them: RQ's work-horse, or the poller when Redis is away."""

from __future__ import annotations

import select
import signal
import socket
from dataclasses import dataclass

from flask import Flask

from app.core.db import db
from app.core.health import health
from app.core.queue.drain import BATCH, drain
from app.core.queue.stop import Steady, Stop, pause
from app.core.queue.wake import waker
from app.core.queue.watch import Watchman
from app.core.state import state

POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Stable:
    """What the worker gives to the processes it forks."""

    app: Flask
    line: socket.socket  # readable as soon as the worker stops or is gone

    def closed(self) -> bool:
        """Whether to take no further job."""
        return bool(select.select([self.line], [], [], 0)[0])


_stable: Stable | None = None


def settle(stable: Stable) -> None:
    """Remember it for the processes that RQ forks."""
    global _stable
    _stable = stable


def drain_once() -> None:
    """What the RQ job "drain" runs."""
    if _stable is None:
        raise RuntimeError("this queue is served by `flask worker`, not by `rq worker`")
    app, closed = _stable.app, _stable.closed
    # A signal to every process of the service must not tear the running job; the line says when to stop.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    after_fork(app)
    health(app).stand_guard()

    def work() -> None:
        waker().begun()
        drain(stopping=closed, watch=Watchman(db.engine, state().settings))

    Steady(app, "worker")(work)


def poll(stable: Stable) -> None:
    """Drain once a second, until SIGTERM or the end of the worker."""
    stop = Stop()
    after_fork(stable.app)
    health(stable.app).stand_guard()
    steady = Steady(stable.app, "worker")
    with stable.app.app_context():
        watch = Watchman(db.engine, state().settings)
    claimed = 0

    def work() -> None:
        nonlocal claimed
        claimed = drain(stopping=lambda: stop.asked or stable.closed(), watch=watch)

    while not stop.asked and not stable.closed():
        done = steady(work)
        if not (done and claimed == BATCH):
            select.select([stop.fileno(), stable.line.fileno()], [], [], pause(done, POLL_S))


def after_fork(app: Flask) -> None:
    """Leave the connections to the process that opened them."""
    with app.app_context():
        db.engine.dispose(close=False)
