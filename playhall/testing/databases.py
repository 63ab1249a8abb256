"""A database and a Redis database for each process of a session, copied from one that was migrated once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import structlog
from flask import Flask
from psycopg import sql
from redis import Redis
from sqlalchemy import make_url, text

from app.core.db import db
from app.core.migrating.branches import branches
from playhall.testing.services import Services, given

_SLOTS = 16  # as many databases as a Redis has unless told otherwise
_SPACE = 0x706C6179  # of our advisory locks
_TABLES = "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'alembic%'"


class NoSlot(Exception):
    """Too many test processes use these servers at once."""


@contextmanager
def own(servers: Services) -> Iterator[Services]:
    """An empty database and a Redis database that no other process of any session uses meanwhile; dropped at the end."""
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        slot = _take_slot(connection)
        name = f"playhall_{slot}_test"
        _create(connection, name)
        redis_url = f"{servers.redis_url.partition('?')[0]}?db={slot}"  # of two db=, the first would count
        try:
            yield Services(_address(servers.database_url, name), redis_url)
        finally:
            _drop(connection, name)


@contextmanager
def scratch(servers: Services, template: str | None = None) -> Iterator[str]:
    """The address of a database that is gone afterwards: empty, or a copy of the one that is named."""
    name = f"scratch_{uuid4().hex[:12]}_test"
    # Not over the process's own database: that one is copied, for which nobody may be connected to it.
    with psycopg.connect((given() or servers).database_url, autocommit=True) as connection:
        _create(connection, name, template)
        try:
            yield _address(servers.database_url, name)
        finally:
            _drop(connection, name)


def migrate(app: Flask, servers: Services, upgrade: Callable[[Flask], None]) -> str:
    """Bring the application's own, empty database to its heads; the name of the template.

    The first process of all migrates and leaves a copy; the others, which wait for it, only copy that.
    """
    own_name = make_url(app.config["SQLALCHEMY_DATABASE_URI"]).database
    assert own_name is not None
    template = f"playhall_{_fingerprint(app)}_template_test"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s, %s)", (_SPACE, _SLOTS))
        if _exists(connection, template):
            _create(connection, own_name, template)
        else:
            upgrade(app)
            # A database that is in use cannot be copied, and a test before this one may have left a connection open.
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (own_name,))
            _create(connection, template, own_name)
    return template


def empty(app: Flask, services: Services) -> None:
    """Empty every table and the Redis database."""
    structlog.contextvars.clear_contextvars()
    with app.app_context():
        with db.engine.begin() as connection:
            tables = connection.execute(text(_TABLES)).scalar_one()
            connection.execute(text(f"TRUNCATE {tables}"))
        db.session.remove()
    with Redis.from_url(services.redis_url) as redis:
        redis.flushdb()


def _take_slot(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """A number that is ours as long as the connection lives."""
    for slot in range(_SLOTS):
        row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_SPACE, slot)).fetchone()
        if row and row[0]:
            return slot
    raise NoSlot(f"{_SLOTS} test processes use these servers already, one for each database of Redis; use fewer workers (-n)")


def _fingerprint(app: Flask) -> str:
    """What makes two migrated databases the same: the branches in their order, and every revision's text."""
    digest = hashlib.sha256()
    for branch in branches(app):
        digest.update(branch.name.encode())
        for path in sorted(branch.folder.glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _exists(connection: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    return connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).rowcount == 1


def _create(connection: psycopg.Connection[tuple[object, ...]], name: str, template: str | None = None) -> None:
    _drop(connection, name)
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template or "template1")))


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _address(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)
