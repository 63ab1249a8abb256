"""Fixtures over a real PostgreSQL and a real Redis: one database per worker, emptied before each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import psycopg
import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import text

from app import create_app
from app.core.db import db, transaction
from app.core.migrations import upgrade
from app.core.models import Account
from playhall.testing.services import Services, serve_session

MakeAccount = Callable[..., UUID]


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers in the controller; workers inherit where they are."""
    serve_session(config)


@pytest.fixture(scope="session")
def services(worker_id: str) -> Services:
    """Where this worker's own database and its own Redis database answer; the settings point there."""
    url = urlsplit(os.environ["TEST_DATABASE_URL"])
    database = f"playhall_{worker_id}_test"
    with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {database}")
    number = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    redis_url = f"{os.environ['TEST_REDIS_URL'].partition('?')[0]}?db={number}"  # of two db=, the first would count
    made = Services(urlunsplit(url._replace(path=f"/{database}")), redis_url)
    os.environ.update(
        DATABASE_URL=made.database_url,
        REDIS_URL=made.redis_url,
        PLAYHALL_ENVIRONMENT="test",
        PLAYHALL_MANAGEMENT_BIND="127.0.0.1:0",
        PLAYHALL_REDIS_TIMEOUT_MS="5000",  # a busy machine is no outage
    )
    return made


@pytest.fixture(scope="session")
def migrated_app(services: Services) -> Iterator[Flask]:
    """The application as it boots by default, over a migrated database."""
    app = create_app()
    upgrade(app)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(migrated_app: Flask, services: Services) -> Flask:
    """The application, over empty tables and an empty Redis."""
    structlog.contextvars.clear_contextvars()
    with migrated_app.app_context():
        tables = db.session.execute(
            text(
                "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'alembic%'"
            )
        ).scalar_one()
        db.session.execute(text(f"TRUNCATE {tables}"))
        db.session.commit()
        db.session.remove()
    with Redis.from_url(services.redis_url) as redis:
        redis.flushdb()
    return migrated_app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that is not signed in."""
    return app.test_client()


@pytest.fixture
def make_account(app: Flask) -> MakeAccount:
    """Make accounts: `make_account()` gives the id of a new one."""

    def make() -> UUID:
        with app.app_context():
            account = Account()

            def add() -> UUID:
                db.session.add(account)
                db.session.flush()
                return account.id

            return transaction(add)

    return make


@pytest.fixture
def scratch_database(services: Services) -> Iterator[str]:
    """The address of an empty database, gone after the test."""
    name = f"scratch_{uuid4().hex}_test"
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlunsplit(urlsplit(services.database_url)._replace(path=f"/{name}"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
