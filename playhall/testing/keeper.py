"""One PostgreSQL and one Redis for all processes of a test session, started by the first that needs them.

A process of its own keeps them, and stops them when the last user has gone, however that one ended: each user holds a
shared lock, and the keeper waits for it alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from playhall.testing.services import PREFIX, Services, given, services

_USERS, _STARTING, _ADDRESSES = "users", "starting", "addresses.json"
_GONE_WITHIN = 30  # seconds; only a hang takes as long


class ServicesFailed(Exception):
    """The servers do not start; the message says why and what to do."""


class Membership:
    """What keeps the servers running for this process, until `leave`."""

    def __init__(self, services: Services, lock: IO[str] | None = None) -> None:
        self.services = services
        self._lock = lock

    def leave(self) -> None:
        """Let go of them."""
        if self._lock is not None:
            self._lock.close()


def folder_of(session: str) -> Path:
    """Where the servers of a session live, when they do."""
    return Path(tempfile.gettempdir()) / f"{PREFIX}{session}"


def join(session: str) -> Membership:
    """Use the servers of this session: start them, find them running, or take those that the environment names."""
    if found := given():
        return Membership(found)
    folder = folder_of(session)
    while (lock := _enter(folder)) is None:
        pass
    with (folder / _STARTING).open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not (folder / _ADDRESSES).exists():
            try:
                _start(folder)
            except BaseException:
                _give_up(folder, lock)
                raise
    return Membership(Services(**json.loads((folder / _ADDRESSES).read_text())), lock)


def wait_until_gone(session: str) -> None:
    """Return when the servers of the session have stopped, or never were."""
    folder, deadline = folder_of(session), time.monotonic() + _GONE_WITHIN
    while any(folder.parent.glob(f"{folder.name}*")) and time.monotonic() < deadline:
        time.sleep(0.02)


def _enter(folder: Path) -> IO[str] | None:
    """The shared lock of a folder that is not about to go; None: look again."""
    with suppress(FileNotFoundError):
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = (folder / _USERS).open("a")
        fcntl.flock(lock, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.fileno()), (folder / _USERS).stat()):
                return lock
        lock.close()
    return None


def _give_up(folder: Path, lock: IO[str]) -> None:
    with lock, suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # others may want to try
        shutil.rmtree(folder)


def _start(folder: Path) -> None:
    # Not counted by coverage: its figures would come after the session has added them up.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-m", "playhall.testing.keeper", str(folder)]
    with (folder / "log").open("w+") as log:
        keeper = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        while not (folder / _ADDRESSES).exists():
            if keeper.poll() is not None:
                log.seek(0)
                raise ServicesFailed((log.read().strip().splitlines() or ["the servers for the tests did not start"])[-1])
            time.sleep(0.01)
    keeper.returncode = 0  # it outlives us: nobody waits for it here


def keep(folder: Path) -> None:
    """Start the servers, say where they are, and stop them when nobody uses them any more."""
    from app.embedded.place import locked

    going = folder.with_name(f"{folder.name}.going")
    with locked(folder), services() as started:
        draft = folder / f"{_ADDRESSES}.new"
        draft.write_text(json.dumps({"database_url": started.database_url, "redis_url": started.redis_url}))
        draft.rename(folder / _ADDRESSES)
        with (folder / _USERS).open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            # Whoever comes now finds no folder, and makes another.
            folder.rename(going)
    shutil.rmtree(going)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
