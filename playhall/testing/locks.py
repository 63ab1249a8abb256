"""What a revision does to tables that are in use, measured in its own transaction just before the commit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, event

from app.core.migrating.standing import fetcher, is_version_table, tables


class Rest(NamedTuple):
    """A table before the revision."""

    oid: int
    file: int
    indexes: int
    rows: int


# Modes that make a writer wait.
_STRONG = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
_INDEXES = "(SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid)"
_TABLES = f"""
SELECT relname, oid::bigint, relfilenode::bigint, {_INDEXES}
  FROM pg_class c WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
"""
# The view also counts what earlier transactions of this session did and did not report yet.
_FLUSH = "SELECT pg_stat_force_next_flush()"
_MEASURE = f"""
SELECT c.relname, c.relfilenode::bigint, {_INDEXES},
       coalesce(s.seq_tup_read, 0), coalesce(s.n_tup_ins, 0), coalesce(s.n_tup_upd + s.n_tup_del, 0),
       ARRAY(SELECT l.mode FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation = c.oid)
  FROM pg_class c LEFT JOIN pg_stat_xact_user_tables s ON s.relid = c.oid WHERE c.oid = ANY(%s)
"""

# What may run outside a transaction: it makes nobody wait, or needs no more than a moment.
_SAFE = re.compile(
    r"""(CREATE\s+(UNIQUE\s+)?INDEX\s+CONCURRENTLY | DROP\s+INDEX\s+CONCURRENTLY | REINDEX\s+(\([^)]*\)\s+)?\w+\s+CONCURRENTLY
      | ALTER\s+TABLE\s+(ONLY\s+)?\S+\s+VALIDATE\s+CONSTRAINT | ALTER\s+TYPE\s+\S+\s+ADD\s+VALUE
      | ANALYZE | VACUUM(?!\s+(\([^)]*)?FULL) | SET | RESET | COMMENT\s+ON)\b""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Burden:
    """Something that others have to wait for. Neither sentence ends with a full stop."""

    what: str
    do: str


@dataclass(slots=True)
class Watch:
    """What was seen of one revision."""

    burdens: list[Burden] = field(default_factory=list)
    written: set[str] = field(default_factory=set)  # tables whose rows were inserted, changed or deleted


@contextmanager
def watching(connection: Connection) -> Iterator[Watch]:
    """Watch what is committed on a connection, and what runs on it outside a transaction. Tables made meanwhile do not count."""
    watch = Watch()
    before = _rest(connection)

    def commit(_connection: Connection) -> None:
        _measure(connection, before, watch)

    def execute(_connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
        if cursor.connection.autocommit and not _SAFE.match(statement.strip()):
            watch.burdens.append(_outside(statement))

    event.listen(connection, "commit", commit)
    event.listen(connection, "before_cursor_execute", execute)
    try:
        yield watch
    finally:
        event.remove(connection, "commit", commit)
        event.remove(connection, "before_cursor_execute", execute)


def _rest(connection: Connection) -> dict[str, Rest]:
    fetch = fetcher(connection)
    own = {name for name in tables(fetch) if not is_version_table(name)}
    found = [row for row in fetch(_TABLES) if row[0] in own]
    counted = {name: Rest(oid, file, indexes, fetch(f'SELECT count(*) FROM "{name}"')[0][0]) for name, oid, file, indexes in found}
    fetch(_FLUSH)
    connection.commit()
    return counted


def _measure(connection: Connection, before: Mapping[str, Rest], watch: Watch) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    measured = driver.execute(_MEASURE, [[rest.oid for rest in before.values()]]).fetchall()
    for name, file, indexes, read, added, changed, modes in measured:
        if added or changed:
            watch.written.add(name)
        strong = next((mode for mode in reversed(_STRONG) if mode in modes), None)
        rest = before.get(name)  # None: it was renamed
        if strong and rest and file != rest.file:
            watch.burdens.append(_rewrite(name))
        elif strong and read:
            watch.burdens.append(_scan(name, strong, index=rest is not None and indexes > rest.indexes))
        if rest and changed >= rest.rows > 0:
            watch.burdens.append(_all_rows(name))


def _rewrite(table: str) -> Burden:
    return Burden(
        f"{table} is written anew while nobody can read it",
        "add a new column, fill it from a job in batches, and drop the old one in a later release",
    )


def _scan(table: str, mode: str, *, index: bool) -> Burden:
    if index:
        return Burden(
            f"{table} is read from end to end while nobody can write to it",
            'build the index outside the transaction: transactional = False, timeout = "15min", and CREATE INDEX CONCURRENTLY',
        )
    return Burden(
        f"{table} is read from end to end under {mode}, while others wait",
        "add the constraint NOT VALID, and VALIDATE CONSTRAINT in the next revision; SET NOT NULL and USING INDEX after that read nothing",
    )


def _all_rows(table: str) -> Burden:
    return Burden(
        f"every row of {table} is changed in one transaction, which locks them all until it ends",
        "change them from a job, some hundred in each transaction",
    )


def _outside(statement: str) -> Burden:
    return Burden(
        f"outside a transaction it runs {' '.join(statement.split())[:120]}",
        "move that into a revision of its own without transactional = False; outside stand CONCURRENTLY, VALIDATE CONSTRAINT, ADD VALUE",
    )
