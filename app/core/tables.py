"""Rules of the tables: each belongs to one plugin, says its kind, keeps the kind's rule, and points nowhere but at accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from sqlalchemy import Index, Table, UniqueConstraint
from sqlalchemy.orm import Mapper

from app.core.db import Base, Kind

ACCOUNT = "core_account"


def owner_of(table: str) -> str:
    """The plugin (or "core") whose prefix a table carries; names have no underscore, so this is exact."""
    return table.split("_")[0]


def table_problems(packages: Mapping[str, str]) -> list[str]:
    """Everything wrong with the models of these plugins (name -> the package that its models live in)."""
    found = []
    for mapper in sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__name__):
        for name, package in packages.items():
            if _within(mapper.class_.__module__, package):
                found += [f"{name}: {mapper.class_.__name__}: {problem}" for problem in _problems(mapper, name)]
    mapped = {mapper.local_table for mapper in Base.registry.mappers}
    bare = sorted(table.name for table in Base.metadata.tables.values() if table not in mapped)
    return found + [f"table {name!r} has no model; declare it as a class, which says its kind" for name in bare]


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _problems(mapper: Mapper[object], plugin: str) -> Iterator[str]:
    table = mapper.local_table
    assert isinstance(table, Table)
    if owner_of(table.name) != plugin:
        yield f"table {table.name!r} must be named '{plugin}_...'"
    yield from _foreign(mapper, table, plugin)
    kind = getattr(mapper.class_, "__kind__", None)
    if not isinstance(kind, Kind):
        yield f"say its kind, for example __kind__ = Kind.OWNED (one of {', '.join(Kind)})"
    elif table.name != ACCOUNT:
        yield from _RULES[kind](table)


def _foreign(mapper: Mapper[object], table: Table, plugin: str) -> Iterator[str]:
    for key in table.foreign_keys:
        target = key.target_fullname
        if owner_of(target) != plugin and target != f"{ACCOUNT}.id":
            yield f"foreign key to {target}; out of a plugin only {ACCOUNT}.id may be pointed at"
    for relationship in mapper.relationships:
        other = relationship.mapper.local_table
        if isinstance(other, Table) and owner_of(other.name) != plugin:
            yield f"relationship {relationship.key!r} leads to {other.name}, another package's table; ask through its api"


def _owned(table: Table) -> Iterator[str]:
    key = [column.name for column in table.primary_key.columns]
    if key[:1] != ["account_id"]:
        yield f"an owned table's primary key begins with account_id, not ({', '.join(key)})"
    for name, columns in _unique(table):
        if "account_id" not in columns:
            yield f"unique constraint {name} of an owned table must contain account_id"
    for constraint in table.foreign_key_constraints:
        target = constraint.referred_table
        if _kind(target) is Kind.OWNED and target.name != ACCOUNT and "account_id" not in constraint.column_keys:
            yield f"foreign key to the owned table {target.name} must contain account_id"


def _lookup(table: Table) -> Iterator[str]:
    if "account_id" not in table.columns:
        yield "a lookup table leads to an account: it needs account_id"
    elif "account_id" in table.primary_key.columns:
        yield "a lookup table is keyed by what is looked up, not by account_id"


def _queue(table: Table) -> Iterator[str]:
    if [column.name for column in table.primary_key.columns] != ["id"]:
        yield "a queue table is keyed by id"
    if "account_id" in table.columns and not table.columns["account_id"].nullable:
        yield "account_id of a queue table is optional"


def _shared(table: Table) -> Iterator[str]:
    if "account_id" in table.columns:
        yield "a shared table holds no account's rows: it has no account_id"


_RULES: Mapping[Kind, Callable[[Table], Iterable[str]]] = {
    Kind.OWNED: _owned,
    Kind.LOOKUP: _lookup,
    Kind.QUEUE: _queue,
    Kind.SHARED: _shared,
}


def _kind(table: Table) -> Kind | None:
    kinds = (getattr(mapper.class_, "__kind__", None) for mapper in Base.registry.mappers if mapper.local_table is table)
    return next(kinds, None)


def _unique(table: Table) -> Iterator[tuple[str, set[str]]]:
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield str(constraint.name), {column.name for column in constraint.columns}
    for index in table.indexes:
        if isinstance(index, Index) and index.unique:
            yield str(index.name), {column.name for column in index.columns}
