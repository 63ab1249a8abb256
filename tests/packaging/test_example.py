"""The life of a third party's plugin: installed, enabled, migrated, called, removed, uninstalled; and the rest still works."""

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
from uuid import uuid4

import psycopg
import pytest
from packaging_tools import build_wheel, clean_environment, install, uninstall

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "loot"
BUILT_IN = "auth,shop,gacha,notifications"
PATIENCE = 60  # seconds until a process answers; only a hang takes as long


class Installation:
    """An environment of its own, with Playhall in it and nothing of the checkout."""

    def __init__(self, folder: Path, wheel: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.python = clean_environment(folder / "venv")
        self.env = {**env, "FLASK_APP": "app", "PLAYHALL_PLUGINS": BUILT_IN}
        install(self.python, wheel)

    def flask(self, *arguments: str) -> str:
        """The output of a flask command that must succeed."""
        command = [str(self.python), "-m", "flask", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

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


def call(url: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    """Status and body of an answer; 0 when nobody answers."""
    request = urllib.request.Request(url, method=method, headers={name.replace("_", "-"): value for name, value in headers.items()})
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


@pytest.fixture
def environment(scratch_database: str) -> dict[str, str]:
    """The environment of a production-like process, over a database of its own."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PLAYHALL_", "COVERAGE_"))}
    own = {"DATABASE_URL": scratch_database, "PLAYHALL_ENVIRONMENT": "test", "PLAYHALL_MANAGEMENT_BIND": "127.0.0.1:0"}
    return {**inherited, **own}


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_life_of_a_plugin(wheel: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    """From pip install to pip uninstall, nothing but the plugin's own comes and goes."""
    playhall = Installation(tmp_path, wheel, environment)
    playhall.flask("db", "upgrade")
    before = tables(environment["DATABASE_URL"])

    install(playhall.python, build_wheel(EXAMPLE, ("setup.cfg", "pyproject.toml", "README.md", "src"), tmp_path / "build"))
    assert [line.split()[2] for line in playhall.flask("plugin", "list").splitlines() if line.startswith("loot ")] == ["off"]

    playhall.env["PLAYHALL_PLUGINS"] = f"{BUILT_IN},loot"
    playhall.env["PLAYHALL_LOOT_CHESTS_PER_DAY"] = "2"
    playhall.flask("db", "upgrade")
    assert tables(environment["DATABASE_URL"]) - before == {"loot_chest", "loot_tally", "alembic_version_loot"}
    token = playhall.flask("dev", "token").split()[-1]
    with playhall.serving() as api:
        open_and_tally(api, f"Bearer {token}")

    playhall.flask("plugin", "remove", "loot", "--yes")
    playhall.env["PLAYHALL_PLUGINS"] = BUILT_IN
    uninstall(playhall.python, "playhall-loot")
    playhall.flask("db", "upgrade")
    playhall.flask("db", "check")
    assert tables(environment["DATABASE_URL"]) == before
    with playhall.serving() as api:
        assert call(f"{api}/shop/products")[0] == 200
        assert call(f"{api}/loot/tallies")[0] == 404


def open_and_tally(api: str, token: str) -> None:
    """Two chests a day, each once per key, and both counted by the worker."""
    first = uuid4().hex
    status, chest = call(f"{api}/loot/chests", "POST", Authorization=token, Idempotency_Key=first)
    assert status == 201, chest
    assert call(f"{api}/loot/chests", "POST", Authorization=token, Idempotency_Key=first) == (201, chest)
    assert call(f"{api}/loot/chests", "POST", Authorization=token, Idempotency_Key=uuid4().hex)[0] == 201
    status, problem = call(f"{api}/loot/chests", "POST", Authorization=token, Idempotency_Key=uuid4().hex)
    assert (status, problem["code"]) == (409, "loot.no_chest_left")
    assert call(f"{api}/loot/chests", "POST", Idempotency_Key=uuid4().hex)[0] == 401
    assert len(call(f"{api}/loot/chests", Authorization=token)[1]["items"]) == 2
    until(lambda: sum(tally["times"] for tally in call(f"{api}/loot/tallies")[1]["items"]) == 2)
