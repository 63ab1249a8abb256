"""Loops that end when they are asked to."""

from __future__ import annotations

import os
import random
import select
import signal
from collections.abc import Callable

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.core.operating.outage import is_outage

log = structlog.get_logger(__name__)


class Stop:
    """Set by SIGTERM or SIGINT, which also cut a wait short. One per process, made in its main thread."""

    def __init__(self) -> None:
        self.asked = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: self.ask())

    def ask(self) -> None:
        """End every wait from now on."""
        if not self.asked:
            self.asked = True
            os.write(self._write, b".")

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is asked; whether it is."""
        select.select([self._read], [], [], max(seconds, 0))
        return self.asked

    def fileno(self) -> int:
        """Readable once it is asked, for `select`."""
        return self._read

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._read)
        os.close(self._write)


class Steady:
    """Does a process's work again and again. A database that is away is survived, and told of once until it is back."""

    def __init__(self, app: Flask, process: str) -> None:
        self._app = app
        self._process = process
        self._away = False

    def __call__(self, work: Callable[[], object]) -> bool:
        """Do it in an application context of its own; whether it was done."""
        try:
            with self._app.app_context():
                work()
        except SQLAlchemyError as error:
            if not is_outage(error):
                log.exception("queue.failed", process=self._process)
            elif not self._away:
                self._away = True
                log.warning("database.away", process=self._process, reason=str(getattr(error, "orig", None) or error))
            return False
        if self._away:
            self._away = False
            log.info("database.back", process=self._process)
        return True


def pause(done: bool, usual: float) -> float:
    """How long to wait before the next round: a second or two, with jitter, while the database is away."""
    return usual if done else random.uniform(1, 2)  # noqa: S311 - jitter, not a secret
