"""A test session's own servers."""

import os
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from app.embedded import place
from app.embedded.errors import FolderInUse
from playhall.testing import services as module
from playhall.testing.services import services


@pytest.fixture(autouse=True)
def no_outer_session(monkeypatch: pytest.MonkeyPatch, reachable: Path) -> None:
    """These tests start their own servers, in a folder of their own."""
    for name in ("TEST_DATABASE_URL", "TEST_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(reachable))


def test_both_answer_and_nothing_is_left(reachable: Path) -> None:
    """Inside the block both work, the user can make databases, and afterwards the folder is gone."""
    with services() as started:
        with psycopg.connect(started.database_url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE other_test")
            assert connection.info.dbname.endswith("_test")
        assert redis.from_url(started.redis_url).ping()
        assert len(list(reachable.iterdir())) == 1
    assert list(reachable.iterdir()) == []


def test_given_addresses_are_used_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment names is not started."""
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://localhost/x_test?connect_timeout=1")
    monkeypatch.setenv("TEST_REDIS_URL", "redis://localhost/5")
    with services() as started:
        assert started == module.Services("postgresql://localhost/x_test?connect_timeout=1", "redis://localhost/5")


def test_database_of_another_name_is_refused(monkeypatch: pytest.MonkeyPatch, reachable: Path) -> None:
    """Tests throw data away: only a database that says it is for tests is taken."""
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://localhost/playhall")
    with pytest.raises(pytest.UsageError, match="_test"), services():
        pass
    assert list(reachable.iterdir()) == []


def test_what_a_killed_session_left_is_removed(reachable: Path) -> None:
    """The next session clears away an old folder whose lock is free; a young one may be about to be locked."""
    for name, age in (("playhall-test-old", 3600), ("playhall-test-young", 0)):
        (reachable / name / "redis").mkdir(parents=True)
        when = reachable.stat().st_mtime - age
        os.utime(reachable / name, (when, when))
    module._sweep()
    assert [path.name for path in reachable.iterdir()] == ["playhall-test-young"]


def test_folder_is_thrown_away_before_its_lock_is_let_go(reachable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that starts while another ends leaves that one's folder to it."""
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://localhost/x_test")
    swept: list[bool] = []

    def while_another_starts(folder: Path) -> None:
        with pytest.raises(FolderInUse), place.locked(folder, patience=0):
            pass
        swept.append(True)
        throw_away(folder)

    throw_away = module._throw_away
    monkeypatch.setattr(module, "_throw_away", while_another_starts)
    with services():
        pass
    assert swept == [True]
