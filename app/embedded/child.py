"""Server processes that never outlive the one that started them."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from app.embedded.errors import EmbeddedError

_PR_SET_PDEATHSIG = 1
# Seconds for a server to end: asked, told, killed.
_PATIENCE = (20, 5, 5)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class User:
    """The numeric identity that a server runs as."""

    uid: int
    gid: int


def die_with_parent(signum: int) -> Callable[[], None]:
    """Make the hook that a child forked by us calls to receive `signum` when the thread that forked it ends."""
    parent = os.getpid()

    def hook() -> None:
        if _libc is None:
            return
        _libc.prctl(_PR_SET_PDEATHSIG, signum)
        # The parent may have gone before the kernel was told: nobody would send the signal then.
        if os.getppid() != parent:
            os._exit(1)

    return hook


def as_user(user: User | None) -> dict[str, Any]:
    """Give the arguments that make subprocess drop to `user`; None stays who we are."""
    return {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": []}


def bare_environment() -> dict[str, str]:
    """Give a server no secrets of ours: only where to find programs, a locale and a time zone."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


class Child:
    """One server process in a session of its own, so that Ctrl-C in a terminal reaches only us."""

    def __init__(self, command: Sequence[str], log: Path, *, stop: signal.Signals, user: User | None = None) -> None:
        self.name, self.log = Path(command[0]).name, log
        self._stop = stop
        with log.open("wb") as out:
            self._process = _spawn(command, out, stop, user)
        self.pid = self._process.pid

    def wait_until(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Return once `ready` says so; raise EmbeddedError, with the end of the log, when it dies or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EmbeddedError(f"{self._process.args!r} did not start:\n{tail(self.log)}")
            time.sleep(0.02)

    def alive(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None

    def obituary(self) -> str:
        """Say that it ended, what to do, and what it said last."""
        said = f"playhall: {self.name} ended by itself. What was committed is kept: start again. The end of {self.log}:"
        return f"{said}\n{tail(self.log)}"

    def stop(self) -> None:
        """End the process: asked, then told, then killed. Safe to repeat."""
        for signum, seconds in zip((self._stop, signal.SIGQUIT, signal.SIGKILL), _PATIENCE, strict=True):
            if self._process.poll() is not None:
                return
            self._process.send_signal(signum)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue


def _spawn(command: Sequence[str], out: IO[bytes], stop: signal.Signals, user: User | None) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - only the servers, and no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=out,
        cwd="/",
        env=bare_environment(),
        start_new_session=True,
        preexec_fn=die_with_parent(stop),
        **as_user(user),
    )


def tail(log: Path, lines: int = 15) -> str:
    """Give the last lines of a log, or nothing when there is none."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def evict(pid_file: Path, folder: Path, seconds: float = 30) -> None:
    """End the server a killed run left in `folder`; a number that now belongs to a stranger is only forgotten."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if Path(process.cwd()) == folder.resolve():
            process.send_signal(signal.SIGINT)
            process.wait(seconds)
    except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess, psutil.AccessDenied):
        pass
    except psutil.TimeoutExpired as slow:
        raise EmbeddedError(f"process {slow.pid} still uses {folder}: stop it first") from slow
    pid_file.unlink(missing_ok=True)
