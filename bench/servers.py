"""What is measured: PostgreSQL, Redis, the bare application and the product, each as it serves players."""

from __future__ import annotations

import http.client
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.embedded.place import remove
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.redis import EmbeddedRedis

PLUGINS = "auth,shop,gacha,notifications,bench"
_SAID = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+).*?Using worker: (\w+)", re.DOTALL)
_UNLIMITED = "1000000000/minute"  # counted like any other, and never reached


class ServerError(Exception):
    """A server did not start."""


@dataclass(frozen=True, slots=True)
class Server:
    """A gunicorn: where it listens and what its workers have used."""

    process: psutil.Process
    port: int
    worker: str  # gunicorn's class
    log: Path

    def cpu(self) -> float:
        """Seconds of CPU, user and system, of all workers so far."""
        return sum(times.user + times.system for times in (worker.cpu_times() for worker in self.process.children()))


@dataclass(frozen=True, slots=True)
class Servers:
    """All of them, ready for load."""

    database_url: str
    tokens: Path
    folder: Path
    bare: Server
    product: Server


@contextmanager
def servers(folder: Path, environment: Mapping[str, str]) -> Iterator[Servers]:
    """Start everything; BENCH_DATABASE_URL and BENCH_REDIS_URL are used when given, and a bench_ table is left there."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="playhall-bench-")))
        database_url, redis_url = environment.get("BENCH_DATABASE_URL", ""), environment.get("BENCH_REDIS_URL", "")
        if not database_url:
            stack.callback(remove, folder / "postgres")
            database_url = stack.enter_context(EmbeddedPostgres(folder / "postgres", database="playhall_bench")).url
        if not redis_url:
            stack.callback(remove, folder / "redis")
            redis_url = stack.enter_context(EmbeddedRedis(folder / "redis")).url
        env = _environment(environment, work, database_url, redis_url)
        tokens = work / "tokens"
        subprocess.run([sys.executable, "-m", "bench.prepare", str(tokens)], env=env, check=True)
        bare = stack.enter_context(_serve("bench/bare_server.py", "bench.bare:application", env, work / "bare.log"))
        product = stack.enter_context(_serve("app/core/operating/server.py", "wsgi:application", env, work / "product.log"))
        yield Servers(database_url, tokens, work, bare, product)


def _environment(inherited: Mapping[str, str], work: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """As in production, with limits that are counted and never reached."""
    info = work / "bench-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench\nVersion: 1.0.0\n")
    (info / "entry_points.txt").write_text("[playhall.plugins]\nbench = bench.plugin:plugin\n")
    return {
        **{name: value for name, value in inherited.items() if not name.startswith(("PLAYHALL_", "PROMETHEUS_"))},
        "PYTHONPATH": os.pathsep.join([str(work), str(Path.cwd())]),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PLAYHALL_ENVIRONMENT": "production",
        "PLAYHALL_HOSTS": "127.0.0.1",
        "PLAYHALL_SECRET_KEYS": secrets.token_urlsafe(48),
        "PLAYHALL_PLUGINS": PLUGINS,
        "PLAYHALL_LIMITS": f"core.default={_UNLIMITED},core.address={_UNLIMITED}",
        "PLAYHALL_BIND": "127.0.0.1:0",
        "PLAYHALL_MANAGEMENT_BIND": "127.0.0.1:0",
        "WEB_CONCURRENCY": "2",
    }


@contextmanager
def _serve(config: str, application: str, env: Mapping[str, str], log: Path) -> Iterator[Server]:
    with log.open("wb") as out:
        command = [sys.executable, "-m", "gunicorn", "-c", config, application]
        process = subprocess.Popen(command, env=dict(env), stdout=out, stderr=out)
    try:
        yield _started(process, log)
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()


def _started(process: subprocess.Popen[bytes], log: Path) -> Server:
    parent = psutil.Process(process.pid)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        said = _SAID.search(log.read_text())
        if said and len(parent.children()) == 2 and _answers(int(said[1])):
            time.sleep(1)  # for the other worker
            return Server(parent, int(said[1]), said[2], log)
        time.sleep(0.05)
    raise ServerError(f"The server did not start:\n{log.read_text()}")


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status > 0
    except OSError:
        return False
    finally:
        connection.close()
