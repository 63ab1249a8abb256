"""What was published, and the jobs that follow, at the test's own pace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar, overload

from flask import Flask
from sqlalchemy import select

from app.core.db import db, session
from app.core.events import Event
from app.core.models import OutboxEvent
from app.core.outbox import deliver
from app.core.queue import claims
from app.core.queue.drain import perform
from app.core.state import state

E = TypeVar("E", bound=Event)

MOST = 1000  # jobs in one run


class Events:
    """The events that were published and committed in this test, oldest first."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    @overload
    def __call__(self) -> list[Event]: ...
    @overload
    def __call__(self, kind: type[E]) -> list[E]: ...
    def __call__(self, kind: type[Any] = Event) -> list[Any]:
        """All of them, or those of one class."""
        return [event for event in self if isinstance(event, kind)]

    def __iter__(self) -> Iterator[Event]:
        with self._app.app_context():
            rows = session().execute(select(OutboxEvent.name, OutboxEvent.payload).order_by(OutboxEvent.id)).all()
            classes = state().events
        return iter([classes[name].from_payload(payload) for name, payload in rows])


class Jobs:
    """Does in this process what the relay and the workers do in theirs."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.failed: list[tuple[str, BaseException]] = []  # name, and what the handler raised

    def run(self, *, raising: bool = True) -> list[str]:
        """Turn events into jobs and run everything that is due, and what follows from it; the names of what ran, in order.

        What a handler raises is recorded as in production, with its retry, and then raised here; with `raising=False` it
        only stands in `failed`. A retry is due later: move the `clock`.
        """
        ran: list[str] = []
        with self._app.app_context():
            while claim := self._next():
                error = perform(claim)
                if claim.name in state().jobs:
                    ran.append(claim.name)
                if error is not None:
                    self.failed.append((claim.name, error))
                if error is not None and raising:
                    error.add_note(f"raised by job {claim.name}, attempt {claim.attempt}, with {claim.payload}")
                    raise error
                if len(ran) > MOST:
                    raise RuntimeError(f"more than {MOST} jobs ran, the last of them {ran[-5:]}; does one of them cause itself?")
        return ran

    def _next(self) -> claims.Claim | None:
        while deliver():
            pass
        return claims.claim(db.engine)
