"""What pytest finds by itself: nothing of it is felt where it is not used."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from playhall.testing import plugin
from tests.testing.authoring import pytest_in


@pytest.fixture
def reachable() -> Iterator[Path]:
    """An empty folder that PostgreSQL's user may enter: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="playhall-open-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


OTHER = """
import sys

def test_nothing_is_imported(request):
    assert not [name for name in ("app", "flask", "sqlalchemy", "redis", "psycopg") if name in sys.modules]

def test_own_fixtures_win(app, client):
    assert (app, client) == ("mine", "my client")

def test_network_is_its_own_affair():
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect(("192.0.2.1", 9))
"""
OWN = """
import pytest

@pytest.fixture
def app():
    return "mine"

@pytest.fixture
def client():
    return "my client"
"""


SHARED = """
import os, pathlib

def test_where(services):
    pathlib.Path(os.environ["PYTEST_XDIST_WORKER"]).write_text(services.database_url)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_other_projects_feel_nothing(tmp_path: Path, workers: tuple[str, ...]) -> None:
    """No import, no server, no guard, and their own fixtures are theirs; also where Playhall's libraries are broken."""
    (tmp_path / "test_other.py").write_text(OTHER)
    (tmp_path / "conftest.py").write_text(OWN)
    for name in ("flask", "psycopg", "redis", "sqlalchemy"):
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "__init__.py").write_text("raise ImportError('not here')")
    # Not the other plugins of this environment, some of which import flask themselves.
    only = ("-p", "no:schemathesis", "-p", "no:hypothesispytest", "-p", "no:pytest_cov")
    done = pytest_in(
        tmp_path, "--strict-markers", "--strict-config", "-W", "error", *only, *workers, path=(tmp_path / "broken",), TMPDIR=str(tmp_path)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert not list(tmp_path.glob("playhall-*"))


def test_workers_share_the_servers_that_the_first_has_started(reachable: Path) -> None:
    """One PostgreSQL, a database each; and all of it is gone when pytest ends."""
    (reachable / "test_where.py").write_text(SHARED)
    done = pytest_in(reachable, "-n", "2", "--dist", "each", TEST_DATABASE_URL="", TEST_REDIS_URL="", TMPDIR=str(reachable))
    assert done.returncode == 0, done.stdout + done.stderr
    one, other = (make_url((reachable / worker).read_text()) for worker in ("gw0", "gw1"))
    assert one.query["host"] == other.query["host"]
    assert one.database != other.database
    assert not list(reachable.glob("playhall-*"))


def test_every_fixture_says_what_it_is_for() -> None:
    """`pytest --fixtures` is the first page that an author reads."""
    ours = {name: one._get_wrapped_function().__doc__ for name, one in vars(plugin).items() if hasattr(one, "_get_wrapped_function")}
    assert set(ours) >= {"app", "client", "as_account", "events", "jobs", "clock", "settings", "fake", "count_queries"}
    assert [name for name, says in ours.items() if not says] == []


def test_plugin_was_loaded_by_its_entry_point(pytestconfig: pytest.Config) -> None:
    """An installation is all that it takes."""
    assert pytestconfig.pluginmanager.get_plugin("playhall") is plugin
