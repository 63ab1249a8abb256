"""Rows to put into tables before a migration, so that a lost one is noticed."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, JSON, CheckConstraint, Column, Connection, Enum, MetaData, String, Table, insert
from sqlalchemy.exc import DBAPIError

Samples = Mapping[str, Any]  # "table.column" -> a value that its constraints accept
Row = Mapping[str, Any]

_number = itertools.count(1)

_MAKERS: dict[type[Any], Callable[[int], Any]] = {
    bool: bool,
    int: lambda number: number,
    str: lambda number: f"text {number}",
    float: float,
    Decimal: Decimal,
    bytes: lambda number: bytes([number % 256]),
    uuid.UUID: lambda _number: uuid.uuid4(),
    datetime: lambda number: datetime(2001, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
    date: lambda number: date(2001, 1, 1) + timedelta(days=number),
    timedelta: lambda number: timedelta(minutes=number),
}


def fill(connection: Connection, samples: Samples | None = None) -> list[str]:
    """Add one row to every table, parents first; a sentence for each table that took none.

    Every column gets a value other than its default, where its constraints allow that.
    """
    metadata = MetaData()
    metadata.reflect(connection)
    made: dict[str, Row] = {}
    problems = []
    for table in metadata.sorted_tables:
        if table.name.startswith("alembic_version"):
            continue
        try:
            made[table.name] = _add(connection, table, made, samples or {})
        except (DBAPIError, LookupError) as error:
            said = str(getattr(error, "orig", error)).splitlines()[0]
            problems.append(f"no row could be made for {table.name} ({said}); give a value: samples={{'{table.name}.<column>': ...}}")
    connection.commit()
    return problems


def rows(connection: Connection) -> dict[str, list[Row]]:
    """Every row of every table, as JSON."""
    metadata = MetaData()
    metadata.reflect(connection)
    names = [name for name in metadata.tables if not name.startswith("alembic_version")]
    found = {name: [row[0] for row in connection.exec_driver_sql(f'SELECT to_jsonb(t) FROM "{name}" t')] for name in names}
    connection.rollback()
    return found


def lost(before: Mapping[str, list[Row]], after: Mapping[str, list[Row]]) -> Iterator[str]:
    """A sentence for every row that is not there any more as it was."""
    for table, old in before.items():
        for row in old:
            if row not in after.get(table, []):
                yield f"{table}: this row was lost or changed: {row}"


def _add(connection: Connection, table: Table, made: Mapping[str, Row], samples: Samples) -> Row:
    attempts = [_values(table, made, samples, every=True), _values(table, made, samples, every=False)]
    for last, values in enumerate(attempts):
        try:
            with connection.begin_nested():
                added = connection.execute(insert(table).values(values).returning(*table.columns))
                return dict(added.mappings().one())
        except DBAPIError:
            if last:
                raise
    raise AssertionError("unreachable")


def _values(table: Table, made: Mapping[str, Row], samples: Samples, *, every: bool) -> dict[str, Any]:
    number = next(_number)
    values = {}
    for column in table.columns:
        sample = samples.get(f"{table.name}.{column.name}")
        optional = column.nullable or column.server_default is not None or column.identity is not None
        if column.computed is not None or (sample is None and optional and (not every or column.primary_key)):
            continue
        values[column.name] = sample if sample is not None else _value(column, number, made)
    return values


def _value(column: Column[Any], number: int, made: Mapping[str, Row]) -> Any:
    for key in column.foreign_keys:
        target, name = key.target_fullname.rsplit(".", 1)
        return made[target][name] if target in made else None
    if allowed := _allowed(column):
        return allowed[-1]
    if isinstance(column.type, ARRAY):
        return []
    if isinstance(column.type, JSON):
        return {"number": number}
    value = _MAKERS[column.type.python_type](number)
    return value[-column.type.length :] if isinstance(column.type, String) and column.type.length else value


def _allowed(column: Column[Any]) -> list[str]:
    """The values that an enum or a CHECK on the column lists. The last is taken: a default is mostly the first."""
    if isinstance(column.type, Enum):
        return list(column.type.enums)
    checks = [str(check.sqltext) for check in column.table.constraints if isinstance(check, CheckConstraint)]
    return [text for check in checks if re.match(rf"\W*{column.name}\b", check) for text in re.findall(r"'([^']*)'", check)]
