"""How many statements something takes, whichever way they go to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from flask import Flask
from sqlalchemy import event

from app.core.db import db
from app.core.querying import wire

_FRAME = ("BEGIN", "COMMIT", "ROLLBACK")


class CountQueries:
    """Counts statements; those that open and close a transaction are none."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    @contextmanager
    def __call__(self, at_most: int | None = None) -> Iterator[list[str]]:
        """The statements that are sent inside the block, in order; an AssertionError lists them when there were more."""
        sent: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            sent.append(statement)

        def exchange(connection: Any, prepared: Any, calls: Sequence[wire.Call]) -> Any:
            sent.extend(sql for sql, *_ in calls if not sql.startswith(_FRAME))
            return through(connection, prepared, calls)

        with self._app.app_context():
            engine = db.engine
        through = wire.exchange
        event.listen(engine, "before_cursor_execute", note)
        try:
            # Statements past SQLAlchemy go through this one function.
            with patch.object(wire, "exchange", exchange):
                yield sent
        finally:
            event.remove(engine, "before_cursor_execute", note)
        if at_most is not None and len(sent) > at_most:
            raise AssertionError(f"{len(sent)} statements, at most {at_most} were expected:\n" + "\n".join(_numbered(sent)))


def _numbered(statements: Sequence[str]) -> Iterator[str]:
    for number, statement in enumerate(statements, 1):
        yield f"{number:3}. {' '.join(statement.split())}"
