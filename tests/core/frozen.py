"""A PostgreSQL of the test's own that can be frozen, killed and brought back."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from app.embedded.postgres import EmbeddedPostgres


@contextmanager
def server() -> Iterator[EmbeddedPostgres]:
    """A server that nobody else uses; thawed before it is stopped."""
    with tempfile.TemporaryDirectory(prefix="playhall-frozen-") as folder:
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder) / "postgres", database="playhall_test", durable=False)
        postgres.start()
        try:
            yield postgres
        finally:
            send(postgres, signal.SIGCONT)
            postgres.stop()


def send(postgres: EmbeddedPostgres, signum: signal.Signals) -> None:
    """Send the signal to the server and to all it has forked."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(postgres.pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signum)


@contextmanager
def frozen(postgres: EmbeddedPostgres) -> Iterator[None]:
    """As if its machine had stopped: the kernel still accepts, nobody answers."""
    send(postgres, signal.SIGSTOP)
    try:
        yield
    finally:
        send(postgres, signal.SIGCONT)
