"""One process at a time: the connection that migrates, its lock, and patience with tables that are in use."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError

from app.core.db import db, sqlstate
from app.core.migrating.branches import MigrationError
from app.core.migrating.revisions import LOCK_TIMEOUT, STATEMENT_TIMEOUT, RevisionFailed
from app.core.migrating.standing import Fetch, fetcher

Say = Callable[[str], None]  # tells the operator one line

BUSY = {"55P03", "40P01"}  # a lock was not free in time, or two waited for each other
ATTEMPTS = 6
PATIENCE = 600.0  # seconds to wait for another process that migrates
_LOCK = 0x506C617968616C6C  # "Playhall"; names the advisory lock in pg_locks


@contextmanager
def reading(connection: Connection) -> Iterator[Fetch]:
    """Ask without leaving a transaction open: Alembic would take it for the caller's and commit nothing."""
    yield fetcher(connection)
    connection.rollback()


@contextmanager
def connected(app: Flask) -> Iterator[Connection]:
    """A connection of its own, outside the pool, with a migration's time-outs; MigrationError when there is none to be had."""
    with app.app_context():
        # A statement prepared before a table changes may not run after it.
        engine = create_engine(db.engine.url, poolclass=NullPool, connect_args={"prepare_threshold": None})
        try:
            connection = engine.connect()
        except OperationalError as error:
            raise MigrationError(_unreachable(engine.url, error)) from error
        with connection:
            connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
            connection.exec_driver_sql(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
            connection.commit()
            yield connection


@contextmanager
def exclusive(app: Flask) -> Iterator[Connection]:
    """The same, while no other process migrates this database."""
    with connected(app) as connection:
        _lock(connection)
        yield connection


def _lock(connection: Connection) -> None:
    # Asked for again and again: a statement that waits holds a snapshot, which the other's CREATE INDEX CONCURRENTLY would wait for.
    deadline = time.monotonic() + PATIENCE
    while True:
        with reading(connection) as fetch:
            if fetch(f"SELECT pg_try_advisory_lock({_LOCK})")[0][0]:
                return
        if time.monotonic() > deadline:
            raise MigrationError("another process has been migrating this database for ten minutes; wait for it or end it, then try again")
        time.sleep(random.uniform(0.1, 0.3))  # noqa: S311 - jitter, not a secret


def _unreachable(url: URL, error: OperationalError) -> str:
    # The server's reason is only in its words: psycopg gives no code for a connection that never came to be.
    if f'database "{url.database}" does not exist' in str(error.orig):
        return f"there is no database {url.database}; create it first: createdb {url.database}"
    said = " ".join(str(error.orig).split())
    return f"PostgreSQL cannot be reached ({said}); check DATABASE_URL and that the server runs"


def patiently(connection: Connection, work: Callable[[], None], say: Say) -> None:
    """Do the work; when a lock is not free in time, roll back and try again a little later."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            work()
            return
        except (RevisionFailed, DBAPIError) as error:
            connection.rollback()
            cause = error.__cause__ if isinstance(error, RevisionFailed) else error
            if attempt == ATTEMPTS or not isinstance(cause, DBAPIError) or sqlstate(cause) not in BUSY:
                raise
            say(f"a table is in use; trying again ({attempt} of {ATTEMPTS - 1})")
        # Waiting in between lets the queue behind us through: a waiting ALTER TABLE holds up every query on the table.
        time.sleep(random.uniform(0.1, 0.2) * 2**attempt)  # noqa: S311 - jitter, not a secret
