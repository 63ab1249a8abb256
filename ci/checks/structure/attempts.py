"""A job's handler, run as a worker runs it: once to its end, or cut off before its commit and then again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import create_engine, insert, make_url, text, update

from app import create_app
from app.core.db import db
from app.core.models import JobRow
from app.core.queue import claims
from app.core.queue.drain import perform
from playhall.testing.databases import scratch
from playhall.testing.rows import Rows, fill, rows
from playhall.testing.samples import Samples
from playhall.testing.services import Services

JOB_ID = UUID("01900000-0000-7000-8000-0000000000aa")
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)  # due longer than any row that is there
# A number from a sequence is as random as an id: a crash leaves a gap. Clean runs begin at different ones, so that it shows.
_SKIP = "SELECT count(nextval(oid::regclass)) FROM pg_class, generate_series(1, :numbers) WHERE relkind = 'S'"


class Failed(Exception):
    """The handler raised; the cause is what it raised."""


class _Crash(BaseException):
    """The worker dies: nothing catches it, nothing is recorded."""


@dataclass(frozen=True, slots=True)
class Workbench:
    """Databases that are all alike when a run begins."""

    app: Flask
    server: str  # an address to make databases from
    base: str  # the name of the database that each run begins with
    rows: Rows  # what is in it

    def once(self, name: str, payload: Mapping[str, Any], *, event: bool, skip: int) -> Rows:
        """Every row after the job ran once; raises Failed."""
        with self._begun(name, payload, event=event, skip=skip):
            _attempt()
            return _left()

    def cut_and_again(self, name: str, payload: Mapping[str, Any], *, event: bool) -> Rows:
        """Every row after its first attempt ended before the commit, as in a crash, and the second went through; raises Failed."""
        with self._begun(name, payload, event=event, skip=0):
            with pytest.MonkeyPatch.context() as patch, suppress(_Crash):
                patch.setattr(claims, "done", _crash)
                _attempt()
            with db.engine.begin() as connection:
                connection.execute(update(JobRow).where(JobRow.id == JOB_ID).values(state="ready", lease_until=None, attempt=0))
            _attempt()
            return _left()

    @contextmanager
    def _begun(self, name: str, payload: Mapping[str, Any], *, event: bool, skip: int) -> Iterator[None]:
        with self.app.app_context():
            db.engine.dispose()
            _copy(self.server, self.base, str(db.engine.url.database))
            with db.engine.begin() as connection:
                connection.execute(text(_SKIP), {"numbers": skip})
                row = {"id": JOB_ID, "name": name, "payload": dict(payload), "run_at": _FIRST, "event_id": JOB_ID if event else None}
                connection.execute(insert(JobRow).values(row))
            yield


@contextmanager
def workbench(migrated: Flask, servers: Services, samples: Samples) -> Iterator[Workbench]:
    """Over copies of the migrated database with rows in every table, and an application of its own."""
    template = migrated.extensions["playhall.template"]
    with scratch(servers, template) as base, scratch(servers, template) as url, pytest.MonkeyPatch.context() as patch:
        engine = create_engine(make_url(base).set(drivername="postgresql+psycopg"))
        with engine.connect() as connection:
            fill(connection, samples)
            there = rows(connection)
        engine.dispose()
        patch.setenv("DATABASE_URL", url)
        app = create_app()
        yield Workbench(app, servers.database_url, str(engine.url.database), there)
        with app.app_context():
            db.engine.dispose()


def differences(clean: Sequence[Rows], other: Rows) -> Iterator[str]:
    """A sentence for each table that is not as one run leaves it. What differs between clean runs is random, and counts for nothing."""
    for table, found in other.items():
        counts = {len(one.get(table, ())) for one in clean}
        if len(counts) > 1:
            continue
        (expected,) = counts
        if len(found) != expected:
            yield f"{table} has {len(found)} rows where one run leaves {expected}"
            continue
        for column in sorted({name for row in found for name in row}):
            values = {_values(one.get(table, ()), column) for one in clean}
            if len(values) == 1 and _values(found, column) not in values:
                yield f"{table}.{column} is not what one run leaves"


def _values(found: Sequence[Mapping[str, Any]], column: str) -> frozenset[tuple[str, int]]:
    return frozenset(Counter(json.dumps(row.get(column), sort_keys=True) for row in found).items())


def _attempt() -> None:
    claim = claims.claim(db.engine)
    assert claim is not None
    assert claim.id == JOB_ID
    try:
        error = perform(claim)
    except Exception as raised:  # noqa: BLE001 - what a handler does to its connection may fail as late as the verdict
        error = raised
    if error:
        db.engine.dispose()
        raise Failed(str(error)) from error


def _crash(_claim: claims.Claim) -> None:
    raise _Crash


def _left() -> Rows:
    with db.engine.connect() as connection:
        found = rows(connection)
    return {**found, JobRow.__tablename__: [row for row in found[JobRow.__tablename__] if row["id"] != str(JOB_ID)]}


def _copy(server: str, source: str, target: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(target)))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(target), sql.Identifier(source)))
