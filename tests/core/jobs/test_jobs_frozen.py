"""A PostgreSQL that freezes under a worker, a relay and a scheduler: they let go, and carry on when it thaws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from flask import Flask
from probe_plugin.api import Seen
from probing import Process, add_probe, ask, drop_table, make_table, process, put, states, until

from app import create_app
from app.core.db import db, transaction
from app.core.events import publish
from app.core.migrations import upgrade
from app.core.queue import relay
from app.embedded.postgres import EmbeddedPostgres
from playhall.testing.services import Services
from tests.core.frozen import frozen, server

pytestmark = pytest.mark.xdist_group("frozen")


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    with server() as running:
        yield running


@pytest.fixture
def here(postgres: EmbeddedPostgres, services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application over that server, in this process, with the probe's jobs."""
    monkeypatch.setenv("DATABASE_URL", postgres.url)
    made = create_app()
    upgrade(made)
    add_probe(made, monkeypatch)
    make_table(made)
    yield made
    drop_table(made)
    ask(made, "DELETE FROM core_job RETURNING 1")
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def there(here: Flask, postgres: EmbeddedPostgres, env: Mapping[str, str]) -> dict[str, str]:
    """The same for processes of their own."""
    return {**env, "DATABASE_URL": postgres.url}


def says(one: Process, words: str) -> None:
    """Wait until its log does."""
    until(lambda: words in one.log.read_text(errors="replace"), 60)


def tell(app: Flask) -> None:
    with app.app_context():
        transaction(lambda: publish(Seen(account_id=uuid4(), at=datetime.now(UTC), counts=(), tags={})))


def test_a_relay_lets_go_of_a_frozen_database(here: Flask, there: Mapping[str, str], postgres: EmbeddedPostgres) -> None:
    """What it says, it says while nobody answers; afterwards each event still becomes its two jobs, once."""
    with process("relay", there) as running:
        tell(here)
        until(lambda: states(here) == {"ready": 2})
        with frozen(postgres):
            says(running, "database.away")
        tell(here)
        until(lambda: states(here) == {"ready": 4})
        says(running, "database.back")
        assert running.stop() == 0


def test_a_scheduler_lets_go_of_a_frozen_database(here: Flask, there: Mapping[str, str], postgres: EmbeddedPostgres) -> None:
    """The ticks that came meanwhile become one job each."""
    noted = "SELECT count(*) AS ticks FROM core_schedule WHERE name LIKE 'core.purge%'"
    with process("scheduler", there) as running:
        until(lambda: ask(here, noted)[0].ticks == 2)
        with frozen(postgres):
            says(running, "database.away")
        ask(here, "UPDATE core_schedule SET tick = tick - interval '3 hours' WHERE name LIKE 'core.purge%' RETURNING 1")
        until(lambda: states(here) == {"ready": 2})
        says(running, "database.back")
        assert running.stop() == 0
    assert states(here) == {"ready": 2}


def test_a_worker_lets_go_of_a_frozen_database(here: Flask, there: Mapping[str, str], postgres: EmbeddedPostgres) -> None:
    """The job inside a statement fails there and then, is tried again, and has one effect; so have those that waited."""
    [job] = put(here, "probe.doze")
    with process("worker", there) as running:
        until(lambda: ask(here, "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"))
        others = put(here, "probe.act", 5)
        with frozen(postgres):
            says(running, "jobs.failed")
            says(running, "database.away")
        until(lambda: swept(here) and states(here) == {"done": 6}, 60)
        assert running.stop() == 0
    effects = ask(here, "SELECT job, attempt FROM probe_effect")
    assert sorted(row.job for row in effects) == sorted([job, *others])
    assert [row.attempt for row in effects if row.job == job] == [2]


def swept(app: Flask) -> bool:
    """What the relay does once a second."""
    with app.app_context():
        relay.sweep()
    return True
