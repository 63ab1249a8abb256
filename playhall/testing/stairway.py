"""The stairway: every revision of a branch up, down and up again leaves the exact same schema and the rows that were there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from alembic.script import Script
from flask import Flask
from sqlalchemy import Connection

from app.core.migrating.branches import CORE, Branch, MigrationError, find_branch
from app.core.migrating.exclusive import exclusive
from app.core.migrating.revisions import lossy
from app.core.migrations import current, downgrade_branch, upgrade_branch
from playhall.testing.rows import Samples, fill, lost, rows
from playhall.testing.schema import Schema, difference, schema, table_of

__all__ = ["find_branch", "trespasses", "walk"]


def walk(app: Flask, branch: Branch, samples: Samples | None = None) -> list[str]:
    """Climb a branch from where the database is to its head; one sentence per defect, none when it is sound.

    A branch that is at its head already is taken back to nothing first, so its rows are lost. The branches before it are at
    their heads. It is left at its head, or where its first failing revision stopped it.
    """
    with exclusive(app) as connection:
        return list(_walk(connection, branch, samples))


def _walk(connection: Connection, branch: Branch, samples: Samples | None) -> Iterator[str]:
    try:
        for script in _ahead(connection, branch):
            for defect in _climb(connection, branch, script, samples):
                yield f"{script.revision}: {defect}"
    except MigrationError as error:
        yield f"{branch.name}: {error}"


def _ahead(connection: Connection, branch: Branch) -> list[Script]:
    """The revisions to climb, oldest first: those that the database has not, or all of them."""
    scripts, at = branch.scripts()[::-1], current(connection, branch)
    if at is not None and at == scripts[-1].revision:
        downgrade_branch(connection, branch, "base")
        at = None
    done = next((index for index, script in enumerate(scripts, 1) if script.revision == at), 0)
    return scripts[done:]


def _climb(connection: Connection, branch: Branch, script: Script, samples: Samples | None) -> Iterator[str]:
    yield from fill(connection, samples)
    below, kept = _schema(connection), rows(connection)
    upgrade_branch(connection, branch, script.revision)
    above = _schema(connection)
    yield from trespasses(branch, below, above)
    # Rows as only the new schema allows them: going back must get along with those too.
    yield from fill(connection, samples)
    downgrade_branch(connection, branch, str(script.down_revision or "base"))
    yield from (f"after going back this is different: {line}" for line in difference(below, _schema(connection)))
    if lossy(script) is None:
        yield from (f"after going back, {line}; keep it, or declare lossy = 'reason'" for line in lost(kept, rows(connection)))
    upgrade_branch(connection, branch, script.revision)
    yield from (f"the second upgrade leaves something else than the first: {line}" for line in difference(above, _schema(connection)))


def trespasses(branch: Branch, before: Schema, after: Schema) -> Iterator[str]:
    """A sentence for everything that a revision did outside its branch, and every foreign key out but to core_account.id."""
    for entry in sorted(before.keys() | after.keys()):
        if before.get(entry) == after.get(entry):
            continue
        body = after.get(entry) or before[entry]
        if entry[0] not in ("EXTENSION", "SCHEMA") and not branch.owns(table_of(entry, body)):
            yield f"{' '.join(entry)} does not begin with {branch.name}_; a branch touches only what is its own"
        for table, columns in re.findall(r"REFERENCES \w+\.(\w+)\(([^)]*)\)", body):
            if not branch.owns(table) and (table, columns) != (f"{CORE}_account", "id"):
                yield f"{entry[1]} points at {table}({columns}); the only foreign key out of a branch is to core_account(id)"


def _schema(connection: Connection) -> Schema:
    return schema(connection.engine.url)
