"""Statements written on purpose, for paths that players take often: past SQLAlchemy, several in one round trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.core.db import db, under_way
from app.core.querying import unit, wire
from app.core.querying.wire import Row


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with $1, $2, ... for its values; make it once, beside the code that uses it. Each connection prepares it once.

    It runs in the transaction under way, which it shares with `session()`, in the order in which both were called. Errors
    are SQLAlchemy's. A value travels without a type and is taken for what stands there; JSON is given as text.
    """

    sql: str

    def send(self, *values: Any) -> None:
        """Send it with the next `rows`, `session()` statement or the commit, and wait for nothing; that is where its error is raised.

        Raises LookupError when no transaction is under way.
        """
        current = under_way()
        if current is None:
            raise LookupError("no transaction is under way; only an unsafe route, a job or a command with transaction() may write")
        current.send(wire.call(self.sql, values))

    def rows(self, *values: Any) -> list[Row]:
        """Send it after what `send` kept, all in one round trip, and give what it found.

        When no transaction is under way it reads in one of its own, which refuses to write.
        """
        call = wire.call(self.sql, values)
        if current := under_way():
            return current.ask(call)
        return unit.read(db, call)
