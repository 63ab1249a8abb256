"""A private PostgreSQL and Redis for one test session; nothing is shared with another session or with development."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

PREFIX = "playhall-test-"
_DATABASE = "playhall_test"


@dataclass(frozen=True, slots=True)
class Services:
    """Where this session's servers answer."""

    database_url: str
    redis_url: str


def addresses() -> list[str]:
    """The servers that the environment names."""
    return [url for name in ("TEST_DATABASE_URL", "TEST_REDIS_URL") if (url := os.environ.get(name))]


def given() -> Services | None:
    """The servers that TEST_DATABASE_URL and TEST_REDIS_URL name, when both do; raises UsageError for a database that is not for tests."""
    database_url, redis_url = os.environ.get("TEST_DATABASE_URL", ""), os.environ.get("TEST_REDIS_URL", "")
    if database_url and not urlsplit(database_url).path.endswith("_test"):
        raise pytest.UsageError("TEST_DATABASE_URL must end with _test: the data in it is thrown away")
    return Services(database_url, redis_url) if database_url and redis_url else None


@contextlib.contextmanager
def services() -> Iterator[Services]:
    """Start what TEST_DATABASE_URL and TEST_REDIS_URL do not give, and throw it away afterwards.

    Both listen on unix sockets. The database's name ends with `_test`; its user may create more databases.
    """
    # Imported late: a pytest plugin is loaded before coverage starts to count.
    from app.embedded.place import locked
    from app.embedded.postgres import EmbeddedPostgres
    from app.embedded.redis import EmbeddedRedis

    given()
    _sweep()
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        # As root the server runs as another user, who must be able to come through.
        folder.chmod(0o711)
        stack.enter_context(locked(folder))
        # Before the lock is let go: another session would sweep the same folder at the same time.
        stack.callback(_throw_away, folder)
        database_url = os.environ.get("TEST_DATABASE_URL", "")
        if not database_url:
            database = EmbeddedPostgres(folder / "postgres", database=_DATABASE, durable=False)
            database_url = stack.enter_context(database).url
        redis_url = os.environ.get("TEST_REDIS_URL", "")
        if not redis_url:
            redis_url = stack.enter_context(EmbeddedRedis(folder / "redis", durable=False)).url
        yield Services(database_url, redis_url)


def _throw_away(folder: Path) -> None:
    from app.embedded.place import remove

    for service in ("postgres", "redis"):
        if (folder / service).exists():
            remove(folder / service)
    shutil.rmtree(folder)


def _sweep() -> None:
    """Remove what sessions left that were killed: the lock of a living one is held."""
    from app.embedded.errors import EmbeddedError
    from app.embedded.place import locked

    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with contextlib.suppress(EmbeddedError, OSError):
            # Somebody else's, or so young that its session may not have taken the lock yet.
            if folder.stat().st_uid != os.geteuid() or time.time() - folder.stat().st_mtime < 60:
                continue
            with locked(folder, patience=0):
                _throw_away(folder)
