"""The stairway: every revision of a branch up, down and up again leaves the exact same schema and the rows that were there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from alembic.script import Script
from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.core.db import sqlstate
from app.core.migrating.branches import CORE, Branch, MigrationError, find_branch
from app.core.migrating.exclusive import exclusive
from app.core.migrating.revisions import RevisionFailed, lossy
from app.core.migrations import current, downgrade_branch, upgrade_branch
from playhall.testing.defects import Defect, Kind, place
from playhall.testing.locks import watching
from playhall.testing.rows import Refused, Rows, fill, lost, rows
from playhall.testing.samples import Samples, given
from playhall.testing.schema import Schema, changed, difference, schema, table_of

__all__ = ["Climb", "climb", "find_branch", "trespasses", "walk"]

_CREATED = re.compile(r"\+ CREATE (TABLE|TYPE|SEQUENCE|FUNCTION|INDEX|VIEW) (?:public\.)?(\w+(?:\([^)]*\))?)")


@dataclass(slots=True)
class Climb:
    """What was found on the way."""

    defects: list[Defect] = field(default_factory=list)
    losses: list[Defect] = field(default_factory=list)  # rows lost by revisions that say so; `do` is their reason
    whole: bool = True  # False when a revision that fails ended it


class _Stopped(Exception):
    """A revision fails; what comes after it cannot be judged."""


def walk(app: Flask, branch: Branch, samples: Samples | None = None) -> list[str]:
    """Climb a branch from where the database is to its head; one sentence per defect, none when it is sound.

    A branch that is at its head already is taken back to nothing first, so its rows are lost. The branches before it are at
    their heads. It is left at its head, or where its first failing revision stopped it. Without samples, those of setup.cfg count.
    What others would have to wait for is the gate `locks`' alone.
    """
    return [str(defect) for defect in climb(app, branch, samples).defects if defect.kind is not Kind.LOCKS]


def climb(app: Flask, branch: Branch, samples: Samples | None = None) -> Climb:
    """The same, with each defect's kind and place."""
    found = Climb()
    with exclusive(app) as connection:
        try:
            ahead = _ahead(connection, branch)
        except MigrationError as error:
            do = "correct the files; python -m playhall.ci run heads revisions"
            found.defects.append(Defect(kind=Kind.FAILED, revision=branch.name, where=f"{branch.folder}:1", what=str(error), do=do))
            found.whole = False
            return found
        climber = _Climber(connection, branch, given(branch.name) if samples is None else samples, found)
        try:
            for script in ahead:
                climber.take(script)
        except _Stopped:
            found.whole = False
    return found


def _ahead(connection: Connection, branch: Branch) -> list[Script]:
    """The revisions to climb, oldest first: those that the database has not, or all of them."""
    scripts, at = branch.scripts()[::-1], current(connection, branch)
    if at is not None and at == scripts[-1].revision:
        downgrade_branch(connection, branch, "base")
        at = None
    done = next((index for index, script in enumerate(scripts, 1) if script.revision == at), 0)
    return scripts[done:]


class _Climber:
    """Takes one revision after the other."""

    def __init__(self, connection: Connection, branch: Branch, samples: Samples, found: Climb) -> None:
        self.connection, self.branch, self.samples, self.found = connection, branch, samples, found
        self.schema = schema(connection.engine.url)

    def take(self, script: Script) -> None:
        """Up, down and up again."""
        refused, below = fill(self.connection, self.samples), self.schema
        kept = rows(self.connection)
        with watching(self.connection) as watch:
            self._move(script, "upgrade")
        above = schema(self.connection.engine.url)
        self._add(Kind.OWNERSHIP, script, trespasses(self.branch, below, above))
        self._add(Kind.OWNERSHIP, script, _strangers(self.branch, watch.written))
        self._add(Kind.LOCKS, script, ((burden.what, burden.do) for burden in watch.burdens))
        touched = {table_of(*entry) for entry in changed(below, above)} | watch.written
        blind = _empty(kept, refused, touched)
        # Rows as only the new schema allows them: going back must get along with those too.
        refused = fill(self.connection, self.samples)
        there = rows(self.connection)
        blind |= {table: why for table, why in refused.items() if table in touched and not (why.twice and there.get(table))}
        self._add(Kind.BLIND, script, (_blindness(table, why) for table, why in sorted(blind.items()) if self.branch.owns(table)))
        self._move(script, "downgrade")
        self._compare(script, "after going back this is different", below, schema(self.connection.engine.url))
        self._lost(script, kept, rows(self.connection))
        self._move(script, "upgrade")
        self.schema = schema(self.connection.engine.url)
        self._compare(script, "the second upgrade leaves something else than the first", above, self.schema)

    def _add(self, kind: Kind, script: Script, said: Iterator[tuple[str, str]], function: str = "upgrade") -> None:
        where = place(script, function)
        self.found.defects += [Defect(kind=kind, revision=script.revision, where=where, what=what, do=do) for what, do in said]

    def _move(self, script: Script, function: str) -> None:
        try:
            if function == "upgrade":
                upgrade_branch(self.connection, self.branch, script.revision)
            else:
                downgrade_branch(self.connection, self.branch, str(script.down_revision or "base"))
        except MigrationError as error:
            kind, said, do = _failure(error, function)
            self._add(kind, script, iter([(said, do)]), function)
            raise _Stopped from error

    def _compare(self, script: Script, sentence: str, before: Schema, after: Schema) -> None:
        self._add(
            Kind.SCHEMA, script, ((f"{sentence}: {line}", _remedy(line, sentence)) for line in difference(before, after)), "downgrade"
        )

    def _lost(self, script: Script, kept: Rows, now: Rows) -> None:
        said, reason, where = [line for _, line in lost(kept, now)], lossy(script), place(script, "downgrade")
        into = self.found.defects if reason is None else self.found.losses
        do = reason or "keep it until the contract release, or declare lossy = 'reason' in the revision"
        into += [Defect(kind=Kind.ROWS, revision=script.revision, where=where, what=f"after going back, {line}", do=do) for line in said]


def _failure(error: MigrationError, function: str) -> tuple[Kind, str, str]:
    """What kind it is, what is said, what to do: rows that stand in the way have SQLSTATEs of their own."""
    failed = error.__cause__
    cause = failed.__cause__ if isinstance(failed, RevisionFailed) else None
    if cause is None:
        return Kind.FAILED, str(error), "correct the revision"
    if isinstance(cause, DBAPIError):
        said = f"{function}() fails: {str(cause.orig).splitlines()[0]}"
        if (sqlstate(cause) or "")[:2] in ("22", "23"):
            return Kind.ROWS, f"{said} (the tables are filled)", _ROWS_IN_THE_WAY[function]
        return Kind.FAILED, said, f"correct {function}()"
    what = f"{function}() fails: {type(cause).__name__}: {cause}"
    return Kind.FAILED, what, "write what takes the upgrade back" if function == "downgrade" else "correct it"


_ROWS_IN_THE_WAY = {
    "upgrade": "give the column a server default, or correct the rows before the constraint",
    "downgrade": "change what the old schema does not allow before going back, and declare lossy = 'reason' when that loses something",
}


def _empty(kept: Rows, refused: Mapping[str, Refused], touched: set[str]) -> dict[str, Refused]:
    return {table: why for table, why in refused.items() if table in touched and not kept.get(table)}


def _blindness(table: str, why: Refused) -> tuple[str, str]:
    return f"no row could be made for {table} ({why.said}), so nothing is proved about its rows", f"{why.remedy} {table}.<column> = <value>"


def _strangers(branch: Branch, written: set[str]) -> Iterator[tuple[str, str]]:
    for table in sorted(written):
        if not branch.owns(table):
            yield f"rows of {table} are written, which is not {branch.name}'s", "ask for it through the owner's service, from a job"


def _remedy(line: str, sentence: str) -> str:
    if sentence.startswith("the second"):
        return "make downgrade() take back all that upgrade() does, and upgrade() depend on nothing else"
    if created := _CREATED.match(line):
        return f'add op.execute("DROP {created[1]} {created[2]}") to downgrade()'
    return "drop it in downgrade()" if line.startswith("+") else "make it again in downgrade(), word for word"


def trespasses(branch: Branch, before: Schema, after: Schema) -> Iterator[tuple[str, str]]:
    """What a revision did outside its branch and what to do, and every foreign key out but to core_account.id."""
    for entry, body in changed(before, after):
        if entry[0] not in ("EXTENSION", "SCHEMA") and not branch.owns(table_of(entry, body)):
            what = f"{' '.join(entry)} does not begin with {branch.name}_; a branch touches only what is its own"
            yield what, f"name it {branch.name}_..., or keep what you need of another's in a table of your own"
        for table, columns in re.findall(r"REFERENCES \w+\.(\w+)\(([^)]*)\)", body):
            if not branch.owns(table) and (table, columns) != (f"{CORE}_account", "id"):
                what = f"{entry[1]} points at {table}({columns}); the only foreign key out of a branch is to core_account(id)"
                yield what, "keep the id without a foreign key, and ask its owner through its api"
