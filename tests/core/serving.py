"""A gunicorn of the test's own, with the product's configuration."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

Answer = tuple[int, bytes]


@dataclass
class Served:
    """A running server: where it listens, and all it has written."""

    process: subprocess.Popen[bytes]
    output: Path
    workers: int
    ports: dict[str, int] = field(default_factory=dict)
    written: str = ""  # all of it, once it has ended

    def log(self) -> str:
        """All that was written so far."""
        return self.written or self.output.read_text()

    def get(self, path: str, port: str = "api", timeout: float = 10, **headers: str) -> Answer:
        """The answer to a request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=timeout)
        try:
            connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def manage(self, path: str, timeout: float = 5) -> Answer:
        """The same on the management port."""
        return self.get(path, "management", timeout)


def until(holds: Callable[[], object], seconds: float, say: Callable[[], object] = lambda: "") -> None:
    """Wait for it, or fail after that long."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {say()}"
        time.sleep(0.02)


@contextmanager
def served(database_url: str, redis_url: str, application: str = "tests.core.served:application", **env: str) -> Iterator[Served]:
    """Two workers, on free ports; they have to end well."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PLAYHALL_", "PROMETHEUS_"))}
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PLAYHALL_ENVIRONMENT": "test",
        "PLAYHALL_BIND": "127.0.0.1:0",
        "PLAYHALL_MANAGEMENT_BIND": "127.0.0.1:0",
        "PLAYHALL_STATEMENT_TIMEOUT_MS": "60000",
        "WEB_CONCURRENCY": "2",
        **env,
    }
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        with output.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "app/core/operating/server.py", application],
                env={**inherited, **settings},
                stdout=out,
                stderr=out,
            )
        server = Served(process, output, int(settings["WEB_CONCURRENCY"]))
        try:
            until(lambda: _listens(server), 30, server.log)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                assert process.wait(40) == 0, server.log()
            finally:
                process.kill()
                server.written = server.log()


def _listens(server: Served) -> bool:
    """Whether both ports are open and all workers are ready."""
    assert server.process.poll() is None, server.log()
    said = server.log()
    patterns = {"api": r"Listening at: http://127.0.0.1:(\d+)", "management": r"Management port: http://127.0.0.1:(\d+)"}
    found = {name: re.search(pattern, said) for name, pattern in patterns.items()}
    if not all(found.values()):
        return False
    server.ports = {name: int(match[1]) for name, match in found.items() if match}
    return len(ready(server)) == server.workers


def ready(server: Served) -> list[int]:
    """The workers that have ever been ready, the oldest first."""
    return [int(pid) for pid in re.findall(r"Worker ready \(pid: (\d+)\)", server.log())]
