"""A worker, relay or scheduler of its own, with the probe plugin, beside the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import probe_plugin
import psutil
import pytest
from flask import Flask
from probe_plugin.api import Seen
from sqlalchemy import text

from app.core.db import db, session, transaction
from app.core.jobs import enqueue
from app.core.state import Playhall

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

TABLE = "CREATE TABLE probe_effect (job uuid, attempt int, pid int, note text, at timestamptz DEFAULT clock_timestamp())"


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """The environment of a process that has the probe plugin installed and enabled."""
    info = folder / "probe_plugin-1.0.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: probe_plugin\nVersion: 1.0.0\n")
    (info / "entry_points.txt").write_text("[playhall.plugins]\nprobe = probe_plugin:plugin\n")
    path = os.pathsep.join(map(str, (folder, HERE, ROOT)))
    return {**os.environ, "PYTHONPATH": path, "PLAYHALL_PLUGINS": "probe", "PLAYHALL_JOB_BACKOFF_S": "0.1", **settings}


class Process:
    """`flask <command>`, and all processes beneath it."""

    def __init__(self, command: str, env: Mapping[str, str]) -> None:
        self.log = Path(env["PYTHONPATH"].split(os.pathsep)[0]) / f"{command}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as out:
            arguments = [sys.executable, "-m", "flask", "--app", "wsgi", command]
            self.popen = subprocess.Popen(arguments, env=dict(env), cwd=ROOT, start_new_session=True, stdout=out, stderr=out)
        self.seen: dict[int, psutil.Process] = {}

    def family(self) -> list[psutil.Process]:
        """Everyone who lives: the process, its children and theirs, orphans too."""
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.popen.pid)
            self.seen.update({one.pid: one for one in (parent, *parent.children(recursive=True))})
        return [one for one in self.seen.values() if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    def kill(self, *, whole: bool) -> None:
        """SIGKILL it, alone or with all beneath."""
        family = self.family() if whole else [psutil.Process(self.popen.pid)]
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self.popen.wait(10)

    def stop(self, patience: float = 30) -> int:
        """SIGTERM it and wait."""
        self.family()
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(patience)


@contextmanager
def process(command: str, env: Mapping[str, str]) -> Iterator[Process]:
    """Run it for the length of the block; nothing is left behind."""
    made = Process(command, env)
    try:
        yield made
    except BaseException:
        print(made.log.read_text(errors="replace")[-8000:])
        raise
    finally:
        for one in made.family():
            with suppress(psutil.NoSuchProcess):
                one.kill()
        made.popen.wait(10)


def until(true: Callable[[], object], patience: float = 30, every: float = 0.05) -> Any:
    """Wait until it is true, and give it; fail when it never is."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(every)
    raise AssertionError(f"not so within {patience} s: {true}")


def ask(app: Flask, sql: str, **values: object) -> list[Any]:
    """The rows of a query, in a transaction of its own."""
    with app.app_context():
        return transaction(lambda: list(session().execute(text(sql), values).all()))


def states(app: Flask) -> dict[str, int]:
    """How many jobs are in each state."""
    return {row.state: row.count for row in ask(app, "SELECT state, count(*) FROM core_job GROUP BY 1")}


def put(app: Flask, name: str, times: int = 1, **payload: object) -> list[UUID]:
    """Enqueue so many of them, in one transaction."""
    with app.app_context():
        return transaction(lambda: [enqueue(name, payload) for _ in range(times)])


def add_probe(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the probe's jobs, events and subscriptions to an application of this process."""
    playhall: Playhall = app.extensions["playhall"]
    plugin = probe_plugin.plugin
    monkeypatch.setattr(playhall, "jobs", {**playhall.jobs, **{job.name: job for job in plugin.jobs}})
    monkeypatch.setattr(playhall, "events", {**playhall.events, Seen.name: Seen})
    monkeypatch.setattr(playhall, "subscriptions", {**playhall.subscriptions, Seen.name: list(plugin.subscriptions)})


def make_table(app: Flask) -> None:
    """Make the table of effects. It is no plugin's."""
    with app.app_context():
        db.session.execute(text("DROP TABLE IF EXISTS probe_effect"))
        db.session.execute(text(TABLE))
        db.session.commit()


def drop_table(app: Flask) -> None:
    """Leave the database as it was."""
    with app.app_context():
        db.session.execute(text("DROP TABLE probe_effect"))
        db.session.commit()
