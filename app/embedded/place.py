"""Where a server keeps its data, so that its user can reach it and no existing folder changes."""

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded.child import User, as_user
from app.embedded.errors import EmbeddedError, FolderInUse

_SHARED = Path("/var/tmp")  # noqa: S108 - only to make folders with random names in
_LINK = "elsewhere"
# Seconds in which a run that was just stopped may finish.
PATIENCE = 3
# A socket's address holds 108 bytes on Linux and 104 elsewhere, the final zero included.
_LONGEST_ADDRESS = 103


@contextmanager
def locked(folder: Path, *, patience: float | None = None) -> Iterator[None]:
    """Keep the folder for ourselves, or raise FolderInUse; the lock goes with the process, however that ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise EmbeddedError(f"{folder} belongs to another user: remove it, or run as that user") from error
    with os.fdopen(descriptor):
        deadline = time.monotonic() + (PATIENCE if patience is None else patience)
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise FolderInUse(f"{folder} is in use by another run from this checkout: stop that first")
            time.sleep(0.05)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def server_user() -> User | None:
    """Choose who runs PostgreSQL, which refuses root: ourselves (None), or as root the user nobody."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return User(nobody.pw_uid, nobody.pw_gid)


def can(user: User | None, *command: str) -> bool:
    """Tell whether that user can run the command. Asking the kernel beats reading modes: it knows about ACLs."""
    try:
        return subprocess.run(command, cwd="/", capture_output=True, check=False, **as_user(user)).returncode == 0  # noqa: S603
    except OSError:
        return False


def awkward(folder: Path) -> bool:
    """Tell whether a path has what initdb, which asks a shell to run its neighbour, does not escape."""
    return not set('"$`\\\n').isdisjoint(str(folder.resolve()))


def find_place(folder: Path, user: User | None) -> Path:
    """Give the folder for a server's files: `folder`, or a new one, linked from it, when that one will not do."""
    link = folder / _LINK
    if link.is_dir() and link.stat().st_uid == os.geteuid():
        return link.resolve()
    if not awkward(folder) and (user is None or can(user, "test", "-x", str(folder))):
        return folder.resolve()
    link.unlink(missing_ok=True)
    made = Path(tempfile.mkdtemp(prefix="playhall-", dir=_SHARED))
    made.chmod(0o711)
    link.symlink_to(made)
    return made


def private_folder(folder: Path, user: User | None) -> Path:
    """Make a folder that only the server's user can enter; one that exists stays as it is."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if os.geteuid() not in (0, folder.stat().st_uid):
            raise EmbeddedError(f"{folder} belongs to another user: remove it, or run as that user") from None
        return folder
    if user is not None:
        os.chown(folder, user.uid, user.gid)
    return folder


@contextmanager
def socket_folder(place: Path, name: str, user: User | None) -> Iterator[Path]:
    """Give a private folder whose path will do for a socket called `name` in it."""
    folder = place / "run"
    # libpq reads a comma as the start of another host.
    if len(os.fsencode(folder / name)) <= _LONGEST_ADDRESS and "," not in str(folder):
        yield private_folder(folder, user)
        return
    with tempfile.TemporaryDirectory(prefix="playhall-", dir="/tmp") as short:
        Path(short).chmod(0o711)
        yield private_folder(Path(short) / "run", user)


def remove(folder: Path) -> None:
    """Delete a server's folder and what it keeps elsewhere, or raise FolderInUse."""
    with locked(folder):
        link = folder / _LINK
        if link.is_dir() and link.stat().st_uid == os.geteuid():
            shutil.rmtree(link.resolve())
        shutil.rmtree(folder)
