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

from app.core.operating.outage import as_domain_error

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


def steadily(app: Flask, work: Callable[[], object], name: str) -> bool:
    """Do it in an application context of its own; a database that is away is logged and survived. Whether it was done."""
    try:
        with app.app_context():
            work()
    except SQLAlchemyError as error:
        if as_domain_error(error) is None:
            log.exception("queue.failed", process=name)
        else:
            log.warning("database.away", process=name, error=type(error).__name__)
        return False
    return True


def pause(done: bool, usual: float) -> float:
    """How long to wait before the next round: a second or two, with jitter, while the database is away."""
    return usual if done else random.uniform(1, 2)  # noqa: S311 - jitter, not a secret
