"""The servers of a session: started once, by whoever needs them first, and gone when the last one has gone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import psycopg
import pytest

from playhall.testing import keeper
from playhall.testing.keeper import ServicesFailed, folder_of, join, wait_until_gone

ASK = "import sys; from playhall.testing.keeper import join; print(join(sys.argv[1]).services.database_url)"


@pytest.fixture(autouse=True)
def no_outer_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests start their own servers."""
    for name in ("TEST_DATABASE_URL", "TEST_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def session() -> str:
    """A session of its own."""
    return uuid.uuid4().hex[:12]


def test_processes_of_a_session_share_their_servers(session: str) -> None:
    """The second finds what the first has started; when one has gone they stay, and go with the last."""
    first = join(session)
    asked = subprocess.run([sys.executable, "-c", ASK, session], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == first.services.database_url
    with psycopg.connect(first.services.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert folder_of(session).exists()
    first.leave()
    wait_until_gone(session)
    assert not list(Path(tempfile.gettempdir()).glob(f"playhall-test-{session}*"))
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first.services.database_url)


def test_servers_outlive_a_killed_user_no_longer_than_it_holds_them(session: str) -> None:
    """Nobody has to say goodbye."""
    code = ASK + "; import time; sys.stdout.flush(); time.sleep(600)"
    user = subprocess.Popen([sys.executable, "-c", code, session], stdout=subprocess.PIPE)
    assert user.stdout is not None
    with user.stdout:
        assert user.stdout.readline().startswith(b"postgresql://")
    user.kill()
    user.wait()
    wait_until_gone(session)
    assert not folder_of(session).exists()


def test_named_servers_are_used_instead(session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started."""
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://localhost/x_test")
    monkeypatch.setenv("TEST_REDIS_URL", "redis://localhost")
    assert join(session).services.redis_url == "redis://localhost"
    assert not folder_of(session).exists()


def test_servers_that_do_not_start_say_why(session: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the words of whoever could not, and nothing is left."""
    (tmp_path / "sitecustomize.py").write_text(
        "import app.embedded.binaries as b\nfrom app.embedded.errors import MissingServer\n"
        "def none(*_):\n    raise MissingServer('No Redis for this machine')\nb.redis_server = none\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ServicesFailed, match="No Redis for this machine"):
        join(session)
    assert not folder_of(session).exists()


def test_folder_that_is_about_to_go_is_not_entered(session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever came too late makes another."""
    folder = folder_of(session)
    folder.mkdir()
    going = folder.with_name(f"{folder.name}.going")
    flock = keeper.fcntl.flock

    def late(lock: object, how: int) -> None:
        folder.rename(going)
        flock(lock, how)  # type: ignore[arg-type]

    monkeypatch.setattr(keeper.fcntl, "flock", late)
    assert keeper._enter(folder) is None
    (going / "users").unlink()
    going.rmdir()
