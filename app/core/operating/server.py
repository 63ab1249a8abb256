"""The one way to serve, in development too: python -m gunicorn -c app/core/operating/server.py wsgi:application

It imports nothing of the application: the parent only holds the sockets, and each worker loads the code that is there
when it starts. What it takes from the environment are settings like all others (docs/settings.md).
"""

from __future__ import annotations

import _socket
import gc
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from dotenv import load_dotenv
from gunicorn.errors import HaltServer
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_INHERITED = "PLAYHALL_MANAGEMENT_FD"
_SERVED = "PLAYHALL_SERVED"  # tells wsgi.py that we say why it refuses to start
_REFUSED = 3

load_dotenv(".env")
_environment = os.environ


def _refuse(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    sys.exit(_REFUSED)


def _setting(name: str, default: str) -> str:
    """What app/core/settings.py reads for this name."""
    path = _environment.get(f"{name}_FILE")
    try:
        return Path(path).read_text().strip() if path else _environment.get(name, default)
    except (OSError, ValueError):
        _refuse(f"{name}: The value of {name}_FILE must be a readable file path.")


def _number(name: str, default: str) -> int:
    said = _setting(name, default)
    if not said.strip().isdecimal() or int(said) < 1:
        _refuse(f"{name}: {said!r} is no whole number of 1 or more")
    return int(said)


class Worker(GeventWorker):  # type: ignore[misc]  # it has no types
    """One that cannot load the application leaves the reason for the parent, which says it once."""

    def load_wsgi(self) -> None:
        """Load the code that is there now."""
        _environment[_SERVED] = "1"
        try:
            super().load_wsgi()
        except SystemExit as refused:
            if refused.code != _REFUSED:
                raise
            self.reason.write(str(refused.__cause__).encode())
        except Exception:  # noqa: BLE001 - whatever it is, the parent ends
            self.reason.write(traceback.format_exc().encode())
        else:
            return
        self.reason.flush()
        sys.exit(0)


bind = _setting("PLAYHALL_BIND", "127.0.0.1:8000")
workers = _number("WEB_CONCURRENCY", "2")
worker_class = Worker
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
loglevel = _setting("PLAYHALL_LOG_LEVEL", "info")
_production = _setting("PLAYHALL_ENVIRONMENT", "development") == "production"


class _Line(logging.Formatter):
    """The parent's few lines, in the form that the workers' have."""

    def format(self, record: logging.LogRecord) -> str:
        event = record.getMessage() + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        if not _production:
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
    server.management = _inherited() or _listen(_setting("PLAYHALL_MANAGEMENT_BIND", "127.0.0.1:9000"))
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


def pre_fork(_server: Any, worker: Any) -> None:
    """Open what the worker writes in when it cannot start, and the parent reads."""
    worker.reason = tempfile.TemporaryFile()  # noqa: SIM115 - child_exit closes it


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
    # What boot made is never garbage: the collector need not look at it with every request.
    gc.collect()
    gc.freeze()
    worker.log.info("Worker ready (pid: %s)", worker.pid)


def child_exit(server: Any, worker: Any) -> None:
    """Forget what a worker held when it died; what it counted stays. End when it could not start."""
    for file in Path(_environment[_METRICS]).glob(f"gauge_live*_{worker.pid}.db"):
        with suppress(FileNotFoundError):
            file.unlink()
    with worker.reason:
        worker.reason.seek(0)
        reason = worker.reason.read().decode()
    if reason and server.LISTENERS:  # without them it is ending already
        raise HaltServer(reason, _REFUSED)


def on_exit(server: Any) -> None:
    """Leave nothing behind."""
    if getattr(server, "own_metrics", None):
        shutil.rmtree(server.own_metrics, ignore_errors=True)


def _listen(where: str) -> _socket.socket:
    host, _, port = where.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        _refuse(f"PLAYHALL_MANAGEMENT_BIND: {where!r} is no address and port; write for example 127.0.0.1:9000")
    host = host.strip("[]")
    listener = _socket.socket(_socket.AF_INET6 if ":" in host else _socket.AF_INET, _socket.SOCK_STREAM)
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        _refuse(f"PLAYHALL_MANAGEMENT_BIND: {where}: {error.strerror}; set another address, or port 0 for a free one")
    listener.listen(128)
    listener.setblocking(False)
    return listener


def _inherited() -> _socket.socket | None:
    number = _environment.pop(_INHERITED, None)
    return None if number is None else _socket.socket(fileno=int(number))
