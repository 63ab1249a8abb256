"""Fixtures for whoever tests a plugin. pytest finds them by itself wherever Playhall is installed.

Nothing of the application is imported, and no server started, before a test asks for one of them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

if TYPE_CHECKING:
    from flask import Flask

    from playhall.testing.accounts import AsAccount, Client, MakeAccount
    from playhall.testing.clock import Clock
    from playhall.testing.queries import CountQueries
    from playhall.testing.replacing import Fake, OverrideSettings
    from playhall.testing.services import Services
    from playhall.testing.work import Events, Jobs

_SESSION = pytest.StashKey[str]()
_WORKER = "playhall_session"


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a project says in its pytest section."""
    parser.addini("playhall_plugins", "Plugins to enable, with all that they require; without it, what PLAYHALL_PLUGINS says.", "args")
    parser.addini("playhall_allow_hosts", "Hosts besides this machine that tests may talk to.", "args")


def pytest_configure(config: pytest.Config) -> None:
    """Name the session, so that its processes find each other."""
    config.addinivalue_line("markers", "allow_hosts(*hosts): let a test that uses Playhall's fixtures talk to these hosts")
    config.stash[_SESSION] = getattr(config, "workerinput", {}).get(_WORKER) or uuid4().hex[:12]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker which session it belongs to."""
    node.workerinput[_WORKER] = node.config.stash[_SESSION]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind: the session ends when its servers have."""
    from playhall.testing.keeper import wait_until_gone

    if not hasattr(config, "workerinput"):
        wait_until_gone(config.stash[_SESSION])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """No network but this machine for tests of a plugin, and for tests that use these fixtures."""
    with _offline(item) if _is_ours(item) else nullcontext():
        return (yield)


def _is_ours(item: pytest.Item) -> bool:
    named = any(item.config.getini(name) for name in ("playhall_plugins", "playhall_allow_hosts"))
    return named or "services" in getattr(item, "fixturenames", ())


@contextmanager
def _offline(item: pytest.Item) -> Iterator[None]:
    from playhall.testing.network import guarded
    from playhall.testing.services import addresses

    marked = [host for mark in item.iter_markers("allow_hosts") for host in mark.args]
    servers = [host for url in addresses() if (host := urlsplit(url).hostname)]
    with guarded([*item.config.getini("playhall_allow_hosts"), *marked, *servers]):
        yield


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> Iterator[Services]:
    """Where this process's own database and its own Redis database answer; the settings point there."""
    from playhall.testing import databases, keeper

    membership = keeper.join(pytestconfig.stash[_SESSION])
    servers = membership.services
    try:
        with databases.own(servers) as own, pytest.MonkeyPatch.context() as patch:
            # For pytest started by a test: it uses the same servers.
            patch.setenv("TEST_DATABASE_URL", servers.database_url)
            patch.setenv("TEST_REDIS_URL", servers.redis_url)
            patch.setenv("DATABASE_URL", own.database_url)
            patch.setenv("REDIS_URL", own.redis_url)
            patch.setenv("PLAYHALL_ENVIRONMENT", "test")
            patch.setenv("PLAYHALL_MANAGEMENT_BIND", "127.0.0.1:0")
            patch.setenv("PLAYHALL_REDIS_TIMEOUT_MS", "5000")  # a busy machine is no outage
            if wanted := pytestconfig.getini("playhall_plugins"):
                patch.setenv("PLAYHALL_PLUGINS", ",".join(_with_requirements(wanted)))
            yield own
    finally:
        membership.leave()


def _with_requirements(names: list[str]) -> list[str]:
    from app.core.registry import ECONOMY, load

    found: list[str] = []
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in (*found, ECONOMY):
            found.append(name)
            todo += load(name).requires
    return sorted(found)


@pytest.fixture(scope="session")
def migrated_app(services: Services) -> Iterator[Flask]:  # noqa: ARG001 - the settings point there
    """The application with the plugins under test, over a migrated database that others in this process have used too."""
    from app import create_app
    from app.core.db import db
    from app.core.migrations import upgrade
    from playhall.testing import databases
    from playhall.testing.services import given

    app = create_app()

    def migrate(app: Flask) -> None:
        upgrade(app)
        with app.app_context():
            db.engine.dispose()  # a database that is in use cannot be copied

    servers = given()
    assert servers is not None  # the fixture above has put them into the environment
    app.extensions["playhall.template"] = databases.migrate(app, servers, migrate)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(migrated_app: Flask, services: Services) -> Flask:
    """The application, over empty tables and an empty Redis."""
    from playhall.testing.databases import empty

    empty(migrated_app, services)
    return migrated_app


@pytest.fixture
def client(app: Flask) -> Client:
    """A client that is not signed in: `client.get(path).json`, `client.get(path).problem["code"]`."""
    from playhall.testing.accounts import Client

    return Client(app)


@pytest.fixture
def make_account(app: Flask) -> MakeAccount:
    """Make accounts that are not signed in: `make_account()` gives the id of a new one."""
    from app.core.db import transaction
    from playhall.testing import accounts

    def make() -> UUID:
        with app.app_context():
            return transaction(accounts.make_account)

    return make


@pytest.fixture
def as_account(app: Flask) -> AsAccount:
    """Make accounts that are signed in: `as_account()`, `as_account(roles=["admin"])`, `as_account(coin=500)`; each is a client."""
    from playhall.testing.accounts import AsAccount

    return AsAccount(app)


@pytest.fixture
def events(app: Flask) -> Events:
    """What was published in this test: `events(ChestOpened)`, or `list(events)`."""
    from playhall.testing.work import Events

    return Events(app)


@pytest.fixture
def jobs(app: Flask) -> Jobs:
    """`jobs.run()` does what relay and workers do, until nothing is due; gives the names of what ran and raises what failed."""
    from playhall.testing.work import Jobs

    return Jobs(app)


@pytest.fixture
def clock(app: Flask, as_account: AsAccount) -> Clock:
    """`clock.move(hours=1)`: what is stored gets an hour older, tokens expire, schedules fire."""
    from playhall.testing.clock import Clock

    return Clock(app, as_account.made)


@pytest.fixture
def settings(app: Flask) -> Iterator[OverrideSettings]:
    """Other settings for this test: `settings(LootSettings, chests_per_day=1)`; without a class, the core's."""
    from playhall.testing.replacing import OverrideSettings

    override = OverrideSettings(app.extensions["playhall"])
    yield override
    override.restore()


@pytest.fixture
def fake(app: Flask) -> Iterator[Fake]:
    """Something else in a service's place: `fake(Mailer, SilentMail())`, or a stub that records: `fake(Mailer, send="id-1")`."""
    from playhall.testing.replacing import Fake

    replaced = Fake(app)
    yield replaced
    replaced.restore()


@pytest.fixture
def count_queries(app: Flask) -> CountQueries:
    """Count statements: `with count_queries(at_most=3):`."""
    from playhall.testing.queries import CountQueries

    return CountQueries(app)


@pytest.fixture
def scratch_database(services: Services) -> Iterator[str]:
    """The address of an empty database, gone after the test."""
    from playhall.testing import databases

    with databases.scratch(services) as url:
        yield url
