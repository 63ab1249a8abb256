"""Handlers that leave an effect, fail, or take their process with them."""

from __future__ import annotations

import ctypes
import os
import time
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.core.db import session
from app.core.events import publish
from app.core.jobs import current_job, enqueue
from probe_plugin.api import Seen


def act(note: str = "") -> None:
    """Leave an effect."""
    job = current_job()
    said = {"job": job.id, "attempt": job.attempt, "pid": os.getpid(), "note": note}
    session().execute(text("INSERT INTO probe_effect (job, attempt, pid, note) VALUES (:job, :attempt, :pid, :note)"), said)


def slow(tenths: int) -> None:
    """Leave an effect, and then take time, with the transaction open."""
    act("slow")
    time.sleep(tenths / 10)


def doze() -> None:
    """Leave an effect, and wait inside a statement the first time."""
    act("doze")
    if current_job().attempt == 1:
        session().execute(text("SELECT pg_sleep(600)"))


def boom() -> None:
    """Leave an effect and fail."""
    act("boom")
    raise ValueError("boom \0 with what no database takes \ud800")


def flaky() -> None:
    """Fail but for the third attempt."""
    act()
    if current_job().attempt < 3:
        raise ValueError("not yet")


def leave() -> None:
    """End the process at once."""
    act("exit")
    os._exit(9)


def segfault() -> None:
    """Read where nothing is."""
    act("segfault")
    ctypes.string_at(0)


def hang() -> None:
    """Never come back."""
    act("hang")
    time.sleep(1_000_000)


def spin() -> None:
    """Never come back, and never let go of the interpreter."""
    act("spin")
    print(len(str(3 ** (10**9))))


def hog() -> None:
    """Take all the memory there is."""
    act("hog")
    taken = []
    while True:
        taken.append(b"x" * 200_000_000)


def chain(account_id: UUID) -> None:
    """Enqueue and publish, as a job may."""
    enqueue("probe.act", {"note": f"chained for {account_id}"})


def on_seen(account_id: UUID, counts: tuple[int, ...]) -> None:
    """Handle an event by the fields it names."""
    act(f"{type(account_id).__name__} {counts}")


def on_seen_too(**fields: Any) -> None:
    """Handle an event as what it is."""
    act(f"too {Seen.from_payload(fields).at:%Y}")


def tell(seen: Seen) -> None:
    """Publish."""
    publish(seen)
