"""Rows to put into tables before a migration, so that a lost one is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from psycopg import errors
from sqlalchemy import Connection, MetaData, Table, insert, select
from sqlalchemy.exc import DBAPIError

from app.core.migrating.drift import reflecting
from app.core.migrating.exclusive import reading
from app.core.migrating.standing import is_version_table, tables
from playhall.testing.samples import Form, Row, Samples, values

Rows = Mapping[str, Sequence[Row]]  # table -> its rows, as JSON


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a table took no row."""

    said: str
    twice: bool  # only because it has the like already

    @property
    def remedy(self) -> str:
        """Where to give a value."""
        return "give a value that its constraints accept in setup.cfg, under [ci:plugin:NAME]: samples ="


def fill(connection: Connection, samples: Samples | None = None, owned: Callable[[str], bool] = lambda _table: True) -> dict[str, Refused]:
    """Add two rows to every table, parents first: one with every column at its widest, one with what is demanded alone.

    Only to the tables that are `owned`, when that is given. What took no row is returned, by table.
    """
    metadata = MetaData()
    with reflecting():
        metadata.reflect(connection)
    full: dict[str, Row] = {}
    bare: dict[str, Row] = {}
    refused: dict[str, Refused] = {}
    for table in metadata.sorted_tables:
        if is_version_table(table.name):
            continue
        if not owned(table.name):
            if there := connection.execute(select(table).limit(1)).mappings().first():
                full[table.name] = bare[table.name] = dict(there)
            continue
        try:
            full[table.name] = bare[table.name] = _add(connection, table, full, samples or {}, (Form.WIDE, Form.SHORT, Form.BARE))
        except (DBAPIError, LookupError, NotImplementedError) as error:
            refused[table.name] = _refused(error)
            continue
        with suppress(DBAPIError, LookupError, NotImplementedError):  # not every table takes a row of defaults
            bare[table.name] = _add(connection, table, bare, samples or {}, (Form.BARE,))
    connection.commit()
    return refused


def rows(connection: Connection) -> dict[str, list[Row]]:
    """Every row of every table, as JSON; version tables are none."""
    with reading(connection) as fetch:
        names = [name for name in tables(fetch) if not is_version_table(name)]
        return {name: [row[0] for row in fetch(f'SELECT to_jsonb(t) FROM "{name}" t')] for name in names}


def lost(before: Rows, after: Rows) -> Iterator[tuple[str, str]]:
    """The table and a sentence for every kind of change that the rows of a table did not survive, told by its first row."""
    for table, old in before.items():
        now = after.get(table, [])
        told: set[tuple[str, ...]] = set()
        for row in old:
            if row not in now:
                nearest = max(now, key=lambda one: sum(one.get(name) == value for name, value in row.items()), default={})
                changed = tuple(sorted(name for name in row if row[name] != nearest.get(name)))
                if changed not in told:
                    told.add(changed)
                    yield table, _change(table, row, nearest if len(changed) < len(row) else {}, changed)


def _change(table: str, row: Row, now: Row, changed: Sequence[str]) -> str:
    if not now or any(name == "id" or name.endswith("_id") for name in changed):
        return f"{table}: a row is lost: {_short(row)}"
    return "; ".join(f"{table}.{name} was {_short(row[name])} and is {_short(now.get(name))}" for name in changed)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _refused(error: Exception) -> Refused:
    said = str(getattr(error, "orig", error) or type(error).__name__).splitlines()[0]
    return Refused(said, isinstance(getattr(error, "orig", None), errors.UniqueViolation))


def _add(connection: Connection, table: Table, parents: Mapping[str, Row], samples: Samples, forms: Sequence[Form]) -> Row:
    *others, last = forms
    for form in others:
        try:
            return _insert(connection, table, values(table, parents, samples, form))
        except DBAPIError:
            continue
    return _insert(connection, table, values(table, parents, samples, last))


def _insert(connection: Connection, table: Table, row: Row) -> Row:
    with connection.begin_nested():
        added = connection.execute(insert(table).values(row).returning(*table.columns))
        return dict(added.mappings().one())
