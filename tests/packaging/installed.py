"""Playhall where a third party has it: in an environment of its own, migrated, served, called over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
from packaging_tools import OFFLINE, clean_environment, install

BUILT_IN = "auth,shop,gacha,notifications"
PATIENCE = 60  # seconds until a process answers; only a hang takes as long


class Installation:
    """An environment of its own, with Playhall in it and nothing of the checkout."""

    def __init__(self, folder: Path, wheel: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.python = clean_environment(folder / "venv")
        path = f"{self.python.parent}{os.pathsep}{env['PATH']}"
        self.env = {**env, **OFFLINE, "PATH": path, "FLASK_APP": "app", "PLAYHALL_PLUGINS": BUILT_IN}
        install(self.python, wheel)

    def run(self, *module: str, cwd: Path | None = None) -> str:
        """The output of `python -m ...`, which must succeed."""
        command = [str(self.python), "-m", *module]
        done = subprocess.run(command, cwd=cwd or self.folder, env=self.env, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def flask(self, *arguments: str) -> str:
        """The output of a flask command that must succeed."""
        return self.run("flask", *arguments)

    def tables(self) -> set[str]:
        """The tables of its database."""
        with psycopg.connect(self.env["DATABASE_URL"]) as connection:
            return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

    @contextlib.contextmanager
    def running(self, *commands: list[str]) -> Iterator[None]:
        """Processes that are there for the time being, and gone afterwards with all their children."""
        started = [
            subprocess.Popen([str(self.python), "-m", *command], cwd=self.folder, env=self.env, start_new_session=True)
            for command in commands
        ]
        try:
            yield
        finally:
            for process in started:
                os.killpg(process.pid, signal.SIGTERM)
            for process in started:
                process.wait(PATIENCE)

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """The address of a running API with a worker and a relay beside it."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            bind = f"127.0.0.1:{free.getsockname()[1]}"
        web = ["gunicorn", "--bind", bind, "--threads", "4", "--log-level", "warning", "app:create_app()"]
        with self.running(web, ["flask", "worker"], ["flask", "relay"]):
            until(lambda: call(f"http://{bind}/api/v1/shop/products")[0] == 200)
            yield f"http://{bind}/api/v1"


def call(url: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and body of an answer; 0 when nobody answers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        named["Content-Type"] = "application/json"
    request = urllib.request.Request(url, method=method, headers=named, data=data)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read().decode()
            return answer.status, json.loads(text) if text.startswith("{") else text
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError:
        return 0, None


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
