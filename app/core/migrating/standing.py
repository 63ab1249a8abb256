"""Where the database stands: revisions behind, revisions this code does not know, tables that nobody owns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import Flask
from sqlalchemy import Connection

from app.core.db import db
from app.core.migrating.branches import VERSIONS, Branch, branches

Fetch = Callable[[str], Sequence[Any]]  # SQL without parameters -> rows

_VERSION_TABLE = re.compile(rf"{VERSIONS}(_[a-z][a-z0-9]*)?")


class Standing(NamedTuple):
    """What the database says and what the installed code says, for one branch."""

    current: str | None
    head: str | None


@dataclass(frozen=True, slots=True)
class Orphan:
    """Tables in the database that belong to no enabled plugin, under the name they begin with."""

    plugin: str
    tables: Sequence[str]


def pending(app: Flask, fetch: Fetch | None = None) -> dict[str, Standing]:
    """The branches whose newest revision is not in the database, by name; empty when it is up to date.

    A revision that this code does not know is not behind: after `flask db upgrade` the release before keeps serving.
    """
    return {name: at for name, at in _standings(app, fetch).items() if at.current != at.head and at.current in (None, *_known(app)[name])}


def unknown(app: Flask, fetch: Fetch | None = None) -> dict[str, Standing]:
    """The branches that are at a revision which the installed code does not have, by name."""
    return {name: at for name, at in _standings(app, fetch).items() if at.current not in (None, *_known(app)[name])}


def orphans(app: Flask, fetch: Fetch | None = None) -> list[Orphan]:
    """Tables that belong to no enabled plugin, by prefix; version tables count as their plugin's."""
    enabled = {branch.name for branch in branches(app)}
    found: dict[str, list[str]] = {}
    with _fetching(app, fetch) as run:
        for table in tables(run):
            found.setdefault(owner(table), []).append(table)
    return [Orphan(name, names) for name, names in sorted(found.items()) if name not in enabled]


def owner(table: str) -> str:
    """The plugin that a table's name speaks of."""
    if is_version_table(table):
        return table.removeprefix(VERSIONS).lstrip("_") or "core"
    return table.partition("_")[0]


def is_version_table(table: str) -> bool:
    """Whether the table says which revision a branch is at."""
    return _VERSION_TABLE.fullmatch(table) is not None


def tables(fetch: Fetch) -> list[str]:
    """Every table of the schema, without those of extensions and without partitions."""
    rows = fetch(
        "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition "
        "AND c.relnamespace = current_schema()::regnamespace AND NOT EXISTS ("
        "SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') ORDER BY 1"
    )
    return [row[0] for row in rows]


def versions(fetch: Fetch, found: Iterable[str]) -> dict[str, str | None]:
    """What each version table among those found says; None for one without a row."""
    own = [table for table in found if is_version_table(table)]
    query = " UNION ALL ".join(f"SELECT '{table}', (SELECT max(version_num) FROM {table})" for table in own)  # noqa: S608
    return {row[0]: row[1] for row in fetch(query)} if own else {}


def fetcher(connection: Connection) -> Fetch:
    """Run SQL on a SQLAlchemy connection."""
    return lambda sql: connection.exec_driver_sql(sql).all()


def _standings(app: Flask, fetch: Fetch | None) -> dict[str, Standing]:
    # Two small queries, however many plugins: which version tables there are, and what they say.
    with _fetching(app, fetch) as run:
        said = versions(run, tables(run))
    return {branch.name: Standing(said.get(branch.version_table), heads[0] if heads else None) for branch, heads in _files(app)}


def _known(app: Flask) -> Mapping[str, Sequence[str]]:
    return {branch.name: revisions for branch, revisions in _files(app)}


def _files(app: Flask) -> list[tuple[Branch, list[str]]]:
    """Every branch with its revisions, newest first. Read once: they do not change while a process runs."""
    key = "playhall_revisions"
    if key not in app.extensions:
        app.extensions[key] = [(branch, branch.revisions()) for branch in branches(app)]
    return list(app.extensions[key])


@contextmanager
def _fetching(app: Flask, fetch: Fetch | None) -> Iterator[Fetch]:
    if fetch is not None:
        yield fetch
        return
    with app.app_context(), db.engine.connect() as connection:
        yield fetcher(connection)
