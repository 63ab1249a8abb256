"""Watches the services that a process needs, in threads, so that whoever asks never waits."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, partial
from typing import TypeVar, cast

import structlog
from flask import Flask, current_app

from app.core.db import db
from app.core.guarding.redis_client import impatient
from app.core.migrating.standing import pending
from app.core.operating import metrics, native, probe
from app.core.operating.checks import UNASKED, Check
from app.core.operating.management import Reply
from app.core.operating.outage import Guard
from app.core.operating.probe import Probe
from app.core.operating.report import LIVE, Report, report
from app.core.queue.figures import Figures, figures
from app.core.state import Playhall
from app.core.wiring import parts

log = structlog.get_logger(__name__)

T = TypeVar("T")

EXTENSION = "playhall-health"
NOW = 2.0  # seconds that a look for one request alone may take
METRICS = "text/plain; version=0.0.4; charset=utf-8"


def init_app(app: Flask) -> None:
    """Guard the database's pool and prepare the questions. No thread is started before `start`."""
    app.extensions[EXTENSION] = Health(app)


def health(app: Flask | None = None) -> Health:
    """This application's, or the current one's."""
    return cast(Health, (app or current_app).extensions[EXTENSION])


class Health:
    """Asks all services: in threads once `start` was called in this process, on the spot otherwise."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._playhall: Playhall = app.extensions["playhall"]
        with app.app_context():
            engine = db.engine
        self._guard = Guard(engine)
        facts = {"behind": lambda fetch: sorted(pending(app, fetch))}
        self._probe = Probe(probe.conninfo(engine), self._guard.freeze, self._guard.thaw, facts)
        self._redis = Check("redis", impatient(self._playhall.settings.redis_url, 0.5).ping)
        self._measuring = Check("figures", self._measure)
        self._measured: Figures | None = None
        self._process = 0  # the one whose threads ask
        self._told = "ok"

    def start(self) -> None:
        """Watch from now on; once in each process, after its fork."""
        if self._watched:
            return
        pending(self._app, lambda _: [])  # reads the revision files now: a native thread should import nothing
        self._process = os.getpid()
        native.start(self._probe.run)
        for check in (*self._checks, self._measuring):
            check.start()

    def stand_guard(self) -> None:
        """Only let go of a database that freezes: for a process that works and answers nobody; once in each, after its fork."""
        guard = Probe(self._probe.conninfo, self._guard.freeze, self._guard.thaw)

        def run() -> None:
            # Short work is over by then, and costs no connection.
            native.original("time", "sleep")(probe.EVERY)
            guard.run()

        native.start(run)

    def stop(self) -> None:
        """Watch no more."""
        self._process = 0
        for one in (*self._checks, self._measuring):
            one.stopped = True
        self._probe.stop()

    def report(self) -> Report:
        """What is known now. It waits for nobody, unless this process does not watch."""
        if self._watched:
            return self._put_together(self._probe, self._measured)
        asked = Probe(self._probe.conninfo, _nothing, _nothing, self._probe.facts, give_up=NOW)
        asked.look()
        asked.hang_up()
        for check in self._checks:
            check.look()
        return self._put_together(asked, None if asked.problem else self._figures())

    def answer(self, path: str) -> Reply:
        """What the management port says."""
        if path == "/livez":
            return LIVE
        if path == "/readyz":
            return self.report().reply(tell_why=True)
        if path == "/metrics":
            return Reply(200, metrics.render(metrics.Measured(lambda: self._measured, self._up)), METRICS)
        return Reply(404, b"Here are /livez, /readyz and /metrics\n", "text/plain")

    @property
    def _watched(self) -> bool:
        return self._process == os.getpid()

    @property
    def _checks(self) -> list[Check]:
        return [self._redis, *self._plugins]

    @cached_property
    def _plugins(self) -> list[Check]:
        return [Check(name, partial(self._in_context, ask)) for name, ask in parts(self._playhall, "health")]

    def _put_together(self, asked: Probe, measured: Figures | None) -> Report:
        return report(asked, self._redis, self._plugins, measured, kafka=bool(self._playhall.settings.kafka_servers))

    def _up(self) -> dict[str, bool]:
        return {name: status == "ok" for name, status in self.report().services.items() if status not in ("disabled", "unknown")}

    def _measure(self) -> None:
        pool = self._guard.engine.pool
        metrics.pool_seen(pool.checkedout(), pool.size())  # type: ignore[attr-defined]
        self._measured = None if self._probe.problem else self._figures()
        found = self.report()
        if found.status != self._told and UNASKED not in found.why.values():
            tell = log.info if found.status == "ok" else log.warning
            tell("health", status=found.status, before=self._told, behind=found.behind, why=found.why)
            self._told = found.status

    def _figures(self) -> Figures | None:
        try:
            return self._in_context(figures)
        except Exception:  # noqa: BLE001 - no figures is an answer: the tables may not be there yet
            return None

    def _in_context(self, ask: Callable[[], T]) -> T:
        with self._app.app_context():
            return ask()


def _nothing() -> None:
    """A look for one request changes nothing for the others."""
