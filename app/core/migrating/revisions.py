"""What one revision file may declare, and how it is run: its time-out, its transaction, its name in an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from sqlalchemy.exc import DBAPIError

from app.core.db import sqlstate
from app.core.migrating.branches import Branch, MigrationError

LOCK_TIMEOUT = "2s"
STATEMENT_TIMEOUT = "10s"

ADVICE = {
    "57014": "It ran too long: give the revision a time-out of its own, for example timeout = '5min', or do its work in smaller steps.",
    "55P03": "A table was in use all the time: end the transactions that hold it, see pg_stat_activity, and run the command again.",
}

_DURATION = re.compile(r"[1-9]\d*(ms|s|min|h)")


class RevisionFailed(Exception):
    """Running one revision raised; the cause is the error itself."""

    def __init__(self, revision: str) -> None:
        super().__init__(revision)
        self.revision = revision

    def advice(self) -> str:
        """What went wrong and what to do."""
        error = self.__cause__
        code = sqlstate(error) if isinstance(error, DBAPIError) else None
        todo = ADVICE.get(code or "", "Correct it and run the command again.")
        return f"{error.orig if isinstance(error, DBAPIError) else error}. {todo}".replace("\n", " ")


def next_id(branch: Branch, now: datetime | None = None) -> str:
    """The id of a new revision, `<plugin>_<yyyymmdd>_<n>`, so that a stray one tells whose it is."""
    day = f"{branch.name}_{now or datetime.now(UTC):%Y%m%d}_"
    return day + str(1 + sum(revision.startswith(day) for revision in branch.revisions()))


def lossy(script: Script) -> str | None:
    """Why going back loses rows, when the revision says that it does."""
    return getattr(script.module, "lossy", None)


def applied(script: Script, *, up: bool) -> str:
    """One line that tells an operator what was done."""
    reason = lossy(script)
    loss = f" (lost: {reason})" if reason and not up else ""
    return f"{'applied' if up else 'took back'} {script.revision}{loss}"


def bound(context: MigrationContext) -> None:
    """Make every revision of this run keep to the time-out and the kind of transaction that it declares."""
    assert context.script is not None
    for script in context.script.walk_revisions():
        for direction in ("upgrade", "downgrade"):
            setattr(script.module, direction, _bounded(context, script, direction))


def _bounded(context: MigrationContext, script: Script, direction: str) -> Callable[[], None]:
    run = getattr(script.module, direction, None)

    def bounded() -> None:
        try:
            if run is None:
                raise MigrationError(f"{script.path} has no {direction}(); write one, every revision can go back")
            with _transaction(context, script):
                run()
        except Exception as error:
            raise RevisionFailed(script.revision) from error

    return bounded


@contextmanager
def _transaction(context: MigrationContext, script: Script) -> Iterator[None]:
    module, timeout = script.module, getattr(script.module, "timeout", None)
    if timeout is not None and not _DURATION.fullmatch(str(timeout)):
        raise MigrationError(f"{script.path}: timeout = {timeout!r} must be a duration such as '30s' or '15min'")
    if getattr(module, "transactional", True):
        if timeout is not None:
            _execute(context, f"SET LOCAL statement_timeout = '{timeout}'")
        yield
        return
    if timeout is None:
        raise MigrationError(f"{script.path}: transactional = False needs a time-out of its own, for example timeout = '15min'")
    with context.autocommit_block():
        # Building an index concurrently waits for older transactions to end; that blocks nobody, so it may take its time.
        _set(context, timeout, timeout)
        try:
            yield
        finally:
            _set(context, LOCK_TIMEOUT, STATEMENT_TIMEOUT)


def _set(context: MigrationContext, lock: str, statement: str) -> None:
    _execute(context, f"SET lock_timeout = '{lock}'")
    _execute(context, f"SET statement_timeout = '{statement}'")


def _execute(context: MigrationContext, sql: str) -> Any:
    assert context.connection is not None
    return context.connection.exec_driver_sql(sql)
