"""Values for the columns of a row that nobody reads: wide ones, short ones, and those that a project gives."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from pathlib import Path
from typing import Any

from sqlalchemy import ARRAY, JSON, BigInteger, CheckConstraint, Column, SmallInteger, String, Table, literal
from sqlalchemy import Enum as Choice

Samples = Mapping[str, Any]  # "table.column" -> a value that its constraints accept; text is cast to the column's type
Row = Mapping[str, Any]


class Form(Enum):
    """What kind of row."""

    WIDE = auto()  # every column, at its full width
    SHORT = auto()  # every column
    BARE = auto()  # what is demanded and no more: NULL, or else the default


_number = itertools.count(1)
_WIDE = 2**33  # more than an integer holds
_LONGEST = 2000  # characters

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


def given(name: str, root: Path | None = None) -> Samples:
    """The lines `table.column = value` of `samples` in [ci:plugin:NAME] of the project's setup.cfg."""
    parser = ConfigParser(interpolation=None, inline_comment_prefixes=("#",))
    parser.read((root or Path.cwd()) / "setup.cfg", encoding="utf-8")
    lines = parser.get(f"ci:plugin:{name}", "samples", fallback="").strip().splitlines()
    found = (line.partition("=") for line in lines)
    return {column.strip(): value.strip() for column, _, value in found}


def values(table: Table, parents: Mapping[str, Row], samples: Samples, form: Form) -> dict[str, Any]:
    """Values for a row: other than the defaults, and the last that an enum or a CHECK lists."""
    number = next(_number)
    made = {}
    for column in table.columns:
        sample = samples.get(f"{table.name}.{column.name}")
        if sample is not None:
            made[column.name] = literal(sample, String()).cast(column.type) if isinstance(sample, str) else sample
        elif form is Form.BARE and column.nullable and column.computed is None:
            made[column.name] = None  # also where there is a default
        elif _wanted(column, form):
            made[column.name] = _value(column, number, parents, form)
    return made


def _wanted(column: Column[Any], form: Form) -> bool:
    if column.computed is not None or (column.identity is not None and column.identity.always):
        return False
    optional = column.nullable or column.server_default is not None or column.identity is not None
    if not optional:
        return True
    return form is not Form.BARE and not column.primary_key and _known(column)


def _known(column: Column[Any]) -> bool:
    try:
        return bool(column.foreign_keys) or isinstance(column.type, JSON | ARRAY) or column.type.python_type in _MAKERS
    except NotImplementedError:
        return False


def _value(column: Column[Any], number: int, parents: Mapping[str, Row], form: Form) -> Any:
    for key in column.foreign_keys:
        target, name = key.target_fullname.rsplit(".", 1)
        return parents[target][name] if target in parents else None
    if allowed := _allowed(column):
        return allowed[-1]
    if isinstance(column.type, ARRAY):
        return []
    if isinstance(column.type, JSON):
        return {"number": number}
    if isinstance(column.type, SmallInteger):
        return number % 30_000
    if isinstance(column.type, BigInteger) and form is Form.WIDE:
        return _WIDE + number
    value = _MAKERS[column.type.python_type](number)
    return _fitted(value, column.type, form) if isinstance(column.type, String) else value


def _fitted(value: str, kind: String, form: Form) -> str:
    length = kind.length or (_LONGEST if form is Form.WIDE else len(value))
    return value.ljust(min(length, _LONGEST), "x")[-length:] if form is Form.WIDE else value[-length:]


def _allowed(column: Column[Any]) -> list[str]:
    """The values that an enum or a CHECK on the column lists. The last is taken: a default is mostly the first."""
    if isinstance(column.type, Choice):
        return list(column.type.enums)
    checks = [str(check.sqltext) for check in column.table.constraints if isinstance(check, CheckConstraint)]
    return [text for check in checks if re.match(rf"\W*{column.name}\b", check) for text in re.findall(r"'([^']*)'", check)]
