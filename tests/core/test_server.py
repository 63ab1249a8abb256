"""The server as it runs in production: two workers, a management port, and everything that can go wrong around them."""

from __future__ import annotations

import json
import logging
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from app.core.operating import server
from app.core.settings import CoreSettings, declared
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.redis import EmbeddedRedis
from tests.core.frozen import frozen
from tests.core.frozen import server as postgres_server
from tests.core.serving import Served, ready, served, until

pytestmark = pytest.mark.xdist_group("served")

ABSENT = ("postgresql://nobody@127.0.0.1:1/playhall_test", "redis://127.0.0.1:1/0")


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    with postgres_server() as running:
        environment = {**os.environ, "DATABASE_URL": running.url, "PLAYHALL_ENVIRONMENT": "test"}
        subprocess.run([sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"], env=environment, check=True, capture_output=True)
        yield running


@pytest.fixture(scope="module")
def redis() -> Iterator[EmbeddedRedis]:
    with tempfile.TemporaryDirectory(prefix="playhall-served-") as folder, EmbeddedRedis(Path(folder), durable=False) as running:
        yield running


@pytest.fixture(scope="module")
def running(postgres: EmbeddedPostgres, redis: EmbeddedRedis) -> Iterator[Served]:
    with served(postgres.url, redis.url) as server:
        until(lambda: server.manage("/readyz")[0] == 200, 10, lambda: server.manage("/readyz"))
        yield server


def ask_eight(running: Served, path: str) -> list[Asking]:
    """Eight requests at once."""
    threads = [Asking(running, path) for _ in range(8)]
    for thread in threads:
        thread.start()
    return threads


class Asking(threading.Thread):
    """One request in a thread, and how long it took."""

    def __init__(self, running: Served, path: str) -> None:
        super().__init__(daemon=True)
        self.running, self.path, self.status, self.body, self.seconds = running, path, 0, b"", 0.0

    def run(self) -> None:
        started = time.monotonic()
        self.status, self.body = self.running.get(self.path, timeout=40)
        self.seconds = time.monotonic() - started


def test_livez_answers_while_everything_is_stuck(running: Served, postgres: EmbeddedPostgres, redis: EmbeddedRedis) -> None:
    """PostgreSQL and Redis frozen, requests in calls to them: 300 of 300 answers, and 503 for the rest.

    The requests that were inside a statement are let go within three seconds of the freeze.
    """
    stuck = ask_eight(running, "/stuck/asking?seconds=20")
    until(lambda: _in_use(running) == 8, 10)
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        with frozen(postgres):
            frozen_at = time.monotonic()
            assert {running.manage("/livez")[0] for _ in range(300)} == {200}
            until(lambda: running.manage("/readyz")[0] == 503, 3)
            for thread in stuck:
                thread.join(max(0.0, frozen_at + 3.5 - time.monotonic()))
            assert [thread.status for thread in stuck] == [503] * 8
            assert {json.loads(thread.body)["code"] for thread in stuck} == {"core.database_unavailable"}
            until(lambda: "redis" in json.loads(running.manage("/readyz")[1])["degraded"], 5)
            said = json.loads(running.manage("/readyz")[1])
            assert said["broken"] == ["database"]
            started = time.monotonic()
            assert running.get("/stuck/asking")[0] == 503
            assert time.monotonic() - started < 1
    finally:
        os.kill(redis.pid, signal.SIGCONT)
    until(lambda: running.manage("/readyz")[0] == 200, 3, lambda: running.manage("/readyz"))
    assert running.get("/stuck/asking?seconds=0") == (200, b"answered")


def _in_use(running: Served) -> float:
    found = re.search(rb'playhall_database_connections{state="in_use"} (\S+)', running.manage("/metrics")[1])
    return float(found[1]) if found else -1


def test_livez_answers_while_the_loop_is_stuck() -> None:
    """Where the main port cannot: nobody is left to take its requests."""
    with served(*ABSENT, WEB_CONCURRENCY="1") as server:
        Asking(server, "/stuck/asleep").start()
        time.sleep(1)
        with pytest.raises(TimeoutError):
            server.get("/livez", timeout=1)
        assert {server.manage("/livez")[0] for _ in range(50)} == {200}


def _children(server: Served) -> list[int]:
    return [int(one) for one in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()]


def _stopped(pid: int) -> bool:
    """Whether every thread of it stands still."""
    return all(task.read_text().rpartition(")")[2].split()[0] == "T" for task in Path(f"/proc/{pid}/task").glob("*/stat"))


def test_it_starts_without_postgresql_and_redis() -> None:
    """Alive, not ready, and every route that needs them says so."""
    with served(*ABSENT) as server:
        assert server.manage("/livez")[0] == 200
        until(lambda: len(json.loads(server.manage("/readyz")[1])["why"]) == 2, 5)
        status, body = server.manage("/readyz")
        said = json.loads(body)
        assert (status, said["broken"], said["degraded"]) == (503, ["database"], ["redis"])
        status, body = server.get("/stuck/asking")
        assert (status, json.loads(body)["code"]) == (503, "core.database_unavailable")
        health = json.loads(server.get("/api/v1/health")[1])
        assert (health["status"], health["services"]["database"], health["services"]["redis"]) == ("down", "down", "degraded")


def test_a_restart_of_postgresql_costs_requests_nothing(running: Served, postgres: EmbeddedPostgres) -> None:
    """Down: not ready within a second. Back: ready again, and no stale connection is ever handed out."""
    assert {running.get("/stuck/asking?seconds=0")[0] for _ in range(20)} == {200}
    postgres.stop()
    try:
        until(lambda: running.manage("/readyz")[0] == 503, 1)
        started = time.monotonic()
        assert running.get("/stuck/asking")[0] == 503
        assert time.monotonic() - started < 1
    finally:
        postgres.start()
    until(lambda: all(running.manage("/readyz")[0] == 200 for _ in range(10)), 5)
    assert [running.get("/stuck/asking?seconds=0")[0] for _ in range(20)] == [200] * 20


def test_a_branch_that_is_behind_is_named(running: Served, postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        (revision,) = connection.execute("DELETE FROM alembic_version_shop RETURNING version_num").fetchone() or ("",)
        try:
            until(lambda: all(json.loads(running.manage("/readyz")[1])["behind"] == ["shop"] for _ in range(10)), 15)
            assert running.manage("/readyz")[0] == 503
        finally:
            connection.execute("INSERT INTO alembic_version_shop VALUES (%s)", [revision])
    until(lambda: all(running.manage("/readyz")[0] == 200 for _ in range(10)), 10)


def test_a_killed_worker_is_replaced_and_its_counts_stay(running: Served) -> None:
    before = _count(running)
    assert before > 0
    victim, started = _children(running)[0], len(ready(running))
    os.kill(victim, signal.SIGKILL)
    assert {running.manage("/livez")[0] for _ in range(50)} == {200}
    until(lambda: len(ready(running)) == started + 1, 30)
    assert victim not in _children(running)
    assert _count(running) > before
    until(lambda: b'connections{state="allowed"} 20.0' in running.manage("/metrics")[1], 5, lambda: running.manage("/metrics")[1])


def _count(running: Served) -> float:
    running.get("/pid")
    pattern = rb'duration_seconds_count{method="GET",route="/pid",status="2xx"} (\S+)'
    found = re.search(pattern, running.manage("/metrics")[1])
    return float(found[1]) if found else 0


def test_a_new_generation_takes_the_management_port_over(postgres: EmbeddedPostgres, redis: EmbeddedRedis) -> None:
    """USR2 starts new code beside the old, on the same ports; neither refuses a probe."""
    with served(postgres.url, redis.url) as server:
        old = ready(server)
        server.process.send_signal(signal.SIGUSR2)
        until(lambda: len(ready(server)) == 4, 40, server.log)
        (parent,) = set(_children(server)) - set(old)
        for worker in old:
            os.kill(worker, signal.SIGSTOP)
        try:
            assert {server.manage("/livez")[0] for _ in range(20)} == {200}
        finally:
            for worker in old:
                os.kill(worker, signal.SIGCONT)
        os.kill(parent, signal.SIGTERM)
        until(lambda: parent not in _children(server), 30, server.log)
        assert {server.manage("/livez")[0] for _ in range(20)} == {200}


def test_production_logs_are_json_and_hold_no_secret(postgres: EmbeddedPostgres, redis: EmbeddedRedis) -> None:
    """Every line the server writes, the parent's too; a planted secret is in none."""
    secret = "planted-planted-planted-planted-planted"  # pragma: allowlist secret
    environment = {
        "PLAYHALL_ENVIRONMENT": "production",
        "PLAYHALL_HOSTS": "127.0.0.1",
        "PLAYHALL_SECRET_KEYS": secret,
        "PLAYHALL_CORS_ORIGINS": "https://example.com",
    }
    with served(postgres.url, redis.url, **environment) as server:
        token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.planted-signature"  # pragma: allowlist secret
        name = f"127.0.0.1:{server.ports['api']}"
        status, body = server.get(f"/broken?token={token}", Host=name, Authorization=f"Bearer {token}", Cookie=f"session={token}")
        assert status == 500
        request_id = json.loads(body)["request_id"]
    lines = [json.loads(line) for line in server.log().splitlines()]
    assert "planted" not in server.log()
    assert "hunter2" not in server.log()
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    mine = [line for line in lines if line.get("request_id") == request_id]
    assert {"Traceback"} <= {line.get("exception", "").split(" ")[0] for line in mine}
    (told,) = [line for line in mine if line["event"] in ("request", "slow")]
    assert (told["method"], told["route"], told["status"]) == ("GET", "/broken", 500)
    assert {"gunicorn.error"} <= {line["logger"] for line in lines}


def test_a_management_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = start(PLAYHALL_MANAGEMENT_BIND=where)
    assert done.returncode == 3
    assert f"PLAYHALL_MANAGEMENT_BIND: {where}" in done.stderr


def start(application: str = "wsgi:application", **env: str) -> subprocess.CompletedProcess[str]:
    """A start that is refused, to its end."""
    ports = {"PLAYHALL_BIND": "127.0.0.1:0", "PLAYHALL_MANAGEMENT_BIND": "127.0.0.1:0"}
    command = [sys.executable, "-m", "gunicorn", "-c", "app/core/operating/server.py", application]
    return subprocess.run(command, env={**os.environ, **ports, **env}, capture_output=True, text=True, timeout=120, check=False)


def test_a_refused_start_is_said_once(tmp_path: Path) -> None:
    """By the parent, for all workers; nothing is tried again, nothing is left behind."""
    done = start(PLAYHALL_SLOW_REQUEST_MS="slow", WEB_CONCURRENCY="3", TMPDIR=str(tmp_path))
    assert done.returncode == 3
    assert done.stderr.count("PLAYHALL_SLOW_REQUEST_MS: Not a valid integer.") == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("Booting worker") <= 3
    assert list(tmp_path.iterdir()) == []


def test_code_that_cannot_be_loaded_is_said_once() -> None:
    """A traceback is not printed by each worker either."""
    done = start("tests.core.nowhere:application")
    assert done.returncode == 3
    assert done.stderr.count("Traceback") == 1
    assert "No module named 'tests.core.nowhere'" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("WEB_CONCURRENCY_FILE", "/nowhere", "WEB_CONCURRENCY: The value of WEB_CONCURRENCY_FILE must be a readable file path."),
        ("WEB_CONCURRENCY", "0", "WEB_CONCURRENCY: '0' is no whole number of 1 or more"),
        ("PLAYHALL_MANAGEMENT_BIND", "nonsense", "PLAYHALL_MANAGEMENT_BIND: 'nonsense' is no address and port"),
    ],
)
def test_what_the_parent_itself_cannot_use_is_one_sentence(name: str, value: str, sentence: str) -> None:
    done = start(**{name: value})
    assert (done.returncode, done.stderr.count(sentence)) == (3, 1)
    assert "Traceback" not in done.stderr


def test_a_worker_that_a_signal_ends_while_it_loads_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_worker: object) -> None:
        raise SystemExit(1)

    monkeypatch.setattr(server.GeventWorker, "load_wsgi", stopped)
    monkeypatch.setenv(server._SERVED, "")
    with pytest.raises(SystemExit) as caught:
        server.Worker.load_wsgi(server.Worker.__new__(server.Worker))
    assert caught.value.code == 1


def test_a_refused_generation_leaves_the_old_one_serving(postgres: EmbeddedPostgres, redis: EmbeddedRedis, tmp_path: Path) -> None:
    """What was changed in the meantime cannot be: it is said once, and nobody notices."""
    (slow := tmp_path / "slow").write_text("200")
    (port := tmp_path / "port").write_text("127.0.0.1:0\n")
    files = {"PLAYHALL_SLOW_REQUEST_MS_FILE": str(slow), "PLAYHALL_MANAGEMENT_BIND_FILE": str(port), "PLAYHALL_MANAGEMENT_BIND": "x"}
    with served(postgres.url, redis.url, "wsgi:application", **files) as running:
        old = ready(running)
        slow.write_text("slow")
        running.process.send_signal(signal.SIGUSR2)
        until(lambda: "PLAYHALL_SLOW_REQUEST_MS: Not a valid integer." in running.log(), 60, running.log)
        until(lambda: set(_children(running)) == set(old), 60, running.log)
        assert running.log().count("PLAYHALL_SLOW_REQUEST_MS: Not a valid integer.") == 1
        assert running.manage("/livez")[0] == 200
        assert running.get("/livez")[0] == 200


def test_files_give_the_server_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they do the application: the file goes before the variable."""
    monkeypatch.chdir(tmp_path)
    values = {
        "PLAYHALL_BIND": "127.0.0.1:8765",
        "WEB_CONCURRENCY": "5",
        "PLAYHALL_LOG_LEVEL": "error",
        "PLAYHALL_ENVIRONMENT": "production",
    }
    for name, value in values.items():
        (tmp_path / name).write_text(f"{value}\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    read = runpy.run_path(server.__file__)
    assert [read[name] for name in ("bind", "workers", "loglevel", "_production")] == ["127.0.0.1:8765", 5, "error", True]


def test_it_tells_nobody_its_version(running: Served) -> None:
    with socket.create_connection(("127.0.0.1", running.ports["api"])) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head = b"".join(iter(lambda: connection.recv(4096), b""))
    assert re.search(rb"(?im)^server: \S*?\d", head) is None


def test_it_leaves_no_folder_behind(tmp_path: Path) -> None:
    with served(*ABSENT, TMPDIR=str(tmp_path)):
        assert list(tmp_path.glob("playhall-metrics-*"))
    assert not list(tmp_path.glob("playhall-metrics-*"))


def test_what_the_parent_says_has_the_form_of_the_workers_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    record = logging.makeLogRecord({"name": "gunicorn.error", "levelname": "ERROR", "msg": "Worker\n%s", "args": ("gone",)})
    record.exc_info = (ValueError, ValueError("why"), None)
    monkeypatch.setattr(server, "_production", True)
    line = server._Line().format(record)
    assert json.loads(line)["event"] == "Worker\ngone\nValueError: why"
    assert "\n" not in line
    monkeypatch.setattr(server, "_production", False)
    assert "[error   ] Worker" in server._Line().format(record)


def test_the_port_is_handed_on_to_the_next_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    context = {"args": ["python", "/somewhere/gunicorn/__main__.py", "-c", "x.py"]}
    listener = server._listen("[::1]:0") if socket.has_dualstack_ipv6() else server._listen("127.0.0.1:0")
    parent = SimpleNamespace(management=listener, cfg=SimpleNamespace(env_orig={}), START_CTX=context)
    server.pre_exec(parent)
    monkeypatch.setenv(server._INHERITED, parent.cfg.env_orig[server._INHERITED])
    inherited = server._inherited()
    assert inherited is not None
    assert inherited.getsockname() == listener.getsockname()
    inherited.close()
    assert server._INHERITED not in os.environ
    assert context["args"] == ["python", "-m", "gunicorn", "-c", "x.py"]
    listener.close()


def test_the_defaults_are_those_of_the_settings() -> None:
    """The server reads its few settings itself: it must not import the application. Their defaults are written twice."""
    defaults = {one.env: one.default for one in declared(CoreSettings, "PLAYHALL_")}
    source = Path(server.__file__).read_text()
    for name in ("PLAYHALL_BIND", "PLAYHALL_MANAGEMENT_BIND", "WEB_CONCURRENCY", "PLAYHALL_LOG_LEVEL"):
        assert f'"{name}", "{defaults[name]}"' in source
