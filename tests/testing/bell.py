"""A plugin's events and jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from playhall import Event, Job, enqueue, publish


@dataclass(frozen=True, slots=True, kw_only=True)
class Rang(Event):
    """A bell rang."""

    name: ClassVar[str] = "bell.rang.v1"

    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Event):
    """Somebody heard it."""

    name: ClassVar[str] = "bell.heard.v1"


called: list[tuple[str, int]] = []
JOBS = [
    Job(name="bell.echo", run="tests.testing.bell:echo"),
    Job(name="bell.crack", run="tests.testing.bell:crack", retries=1),
    Job(name="bell.swing", run="tests.testing.bell:swing"),
    Job(name="bell.toll", run="tests.testing.bell:toll", cron="0 3 * * *"),
]


def echo(times: int) -> None:
    """Note it, and say that it was heard."""
    called.append(("echo", times))
    publish(Heard())


def crack(times: int) -> None:
    """Fail."""
    called.append(("crack", times))
    raise ZeroDivisionError("the bell broke")


def swing() -> None:
    """Cause itself, for ever."""
    enqueue("bell.swing")


def toll() -> None:
    """What the schedule does."""
    called.append(("toll", 1))
