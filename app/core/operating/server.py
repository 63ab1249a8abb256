"""The one way to serve, in development too: python -m gunicorn -c app/core/operating/server.py wsgi:application

It imports nothing of the application: the parent only holds the sockets, and each worker loads the code that is there
when it starts. What it takes from the environment are settings like all others (docs/settings.md).
"""

from __future__ import annotations

import _socket
import json
import logging
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from dotenv import load_dotenv
from gunicorn.glogging import Logger

_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_INHERITED = "PLAYHALL_MANAGEMENT_FD"

load_dotenv(".env")
_environment = os.environ

bind = _environment.get("PLAYHALL_BIND", "127.0.0.1:8000")
workers = int(_environment.get("WEB_CONCURRENCY", "2"))
worker_class = "gevent"
worker_connections = 12_000  # event streams included
preload_app = False

keepalive = 5
backlog = 2048
# A worker whose loop is stuck that long is replaced; it is not a limit of a request.
timeout = 30
# Longer than any request may take, shorter than an orchestrator waits before it kills.
graceful_timeout = 15

limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
# X-Forwarded-* is believed by the application, from PLAYHALL_TRUSTED_PROXIES, and by nobody else.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}

proc_name = "playhall"
control_socket_disable = True
# The heartbeat of the workers is a file: on a disk that hangs it would stop.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
accesslog = None  # the application's own line says more
loglevel = _environment.get("PLAYHALL_LOG_LEVEL", "info")


class _Line(logging.Formatter):
    """The parent's few lines, in the form that the workers' have."""

    def format(self, record: logging.LogRecord) -> str:
        event = record.getMessage() + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        if _environment.get("PLAYHALL_ENVIRONMENT") != "production":
            return f"{stamp} [{record.levelname.lower():<8}] {event} [gunicorn]"
        return json.dumps({"event": event, "level": record.levelname.lower(), "logger": record.name, "timestamp": stamp})


class logger_class(Logger):  # type: ignore[misc]  # noqa: N801 - it has no types, and goes by this name
    """gunicorn's log on standard error, one line for an event."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's handlers, and our form."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(_Line())


def on_starting(server: Any) -> None:
    """Open the management port, once for all workers, and a folder for what they count."""
    server.management = _inherited() or _listen(_environment.get("PLAYHALL_MANAGEMENT_BIND", "127.0.0.1:9000"))
    host, port = server.management.getsockname()[:2]
    server.log.info("Management port: http://%s:%s (/livez /readyz /metrics)", host, port)
    server.own_metrics = None
    if _METRICS not in _environment:
        server.own_metrics = _environment[_METRICS] = tempfile.mkdtemp(prefix="playhall-metrics-")


def pre_exec(server: Any) -> None:
    """Hand the management port on to the generation that replaces this one (USR2)."""
    # Started with "python -m gunicorn" it would be run as a file, whose folder holds an "http" that is not Python's.
    server.START_CTX["args"][1:2] = ["-m", "gunicorn"]
    number = os.dup(server.management.fileno())
    os.set_inheritable(number, True)
    server.cfg.env_orig[_INHERITED] = str(number)


def post_fork(server: Any, worker: Any) -> None:
    """Give the worker the port that it helps to answer."""
    worker.management = server.management


def post_worker_init(worker: Any) -> None:
    """Watch the services and answer on the management port, from threads that no request can hold up."""
    from app.core import health
    from app.core.operating import management, unreadable

    unreadable.install(worker)
    # What gunicorn says from here on goes the application's way.
    worker.log.error_log.handlers.clear()
    worker.log.error_log.propagate = True
    watching = health.health(worker.wsgi)
    watching.start()
    management.start(worker.management, watching.answer)
    worker.log.info("Worker ready (pid: %s)", worker.pid)


def child_exit(_server: Any, worker: Any) -> None:
    """Forget what a worker held when it died; what it counted stays."""
    for file in Path(_environment[_METRICS]).glob(f"gauge_live*_{worker.pid}.db"):
        with suppress(FileNotFoundError):
            file.unlink()


def on_exit(server: Any) -> None:
    """Leave nothing behind."""
    if getattr(server, "own_metrics", None):
        shutil.rmtree(server.own_metrics, ignore_errors=True)


def _listen(where: str) -> _socket.socket:
    host, _, port = where.rpartition(":")
    host = host.strip("[]")
    listener = _socket.socket(_socket.AF_INET6 if ":" in host else _socket.AF_INET, _socket.SOCK_STREAM)
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        raise SystemExit(f"PLAYHALL_MANAGEMENT_BIND: {where}: {error.strerror}; set another address, or port 0 for a free one") from error
    listener.listen(128)
    listener.setblocking(False)
    return listener


def _inherited() -> _socket.socket | None:
    number = _environment.pop(_INHERITED, None)
    return None if number is None else _socket.socket(fileno=int(number))
