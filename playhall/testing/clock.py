"""Time that passes at once.

PostgreSQL's now() cannot be moved, and Python's would have to be patched everywhere. So time stays, and all that is kept
gets older: to the application, an hour has passed when everything it wrote is an hour older.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import jwt
from flask import Flask
from redis import Redis
from sqlalchemy import Connection, text

from app.core.db import db
from app.core.guarding.tokens import ALGORITHM
from app.core.queue.schedule import fire_all
from app.core.state import state
from playhall.testing.accounts import SignedIn

# Ticks are moments of the calendar, which this clock knows by itself.
_TICKS = {("core_schedule", "tick"), ("core_job", "tick")}
_FAR = "interval '400000 days'"
_COLUMNS = """
SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
  JOIN information_schema.tables t USING (table_schema, table_name)
 WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER'
   AND c.data_type IN ('timestamp with time zone', 'timestamp without time zone', 'date')
 ORDER BY 1, 2
"""
_GUARDED = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
_CLAIMS = ("iat", "nbf", "exp")


class Clock:
    """The time that the application lives in: it begins as now and moves forward only."""

    def __init__(self, app: Flask, accounts: Sequence[SignedIn]) -> None:
        self._app = app
        self._accounts = accounts
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """The moment it is, to schedules. Stored moments are older instead: compare those with `datetime.now(UTC)`."""
        return datetime.now(UTC) + self._ahead

    def move(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Let so much time pass: ages every moment in the database and in Redis, and the tokens of `as_account`.

        A schedule that has a tick in between gets its job, once; `jobs.run()` runs it.
        """
        passed = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if passed <= timedelta(0):
            raise ValueError("time moves forward")
        with self._app.app_context():
            fire_all(self.now())  # notes the ticks so far
            with db.engine.begin() as connection:
                _age(connection, passed, midnights=(self.now() + passed).date() - self.now().date())
            self._ahead += passed
            fire_all(self.now())
            with Redis.from_url(state().settings.redis_url) as redis:
                _age_redis(redis, passed)
        for account in self._accounts:
            account.token = self.aged(account.token, passed)

    def move_to(self, moment: datetime) -> None:
        """Let time pass until this moment, which matters to schedules; raises ValueError when it is past."""
        self.move(seconds=(moment - self.now()).total_seconds())

    def aged(self, token: str, passed: timedelta) -> str:
        """The same access token, as if it had been issued so much earlier."""
        claims = jwt.decode(token, options={"verify_signature": False})
        claims.update({name: claims[name] - int(passed.total_seconds()) for name in _CLAIMS if name in claims})
        with self._app.app_context():
            key = state().settings.secret_keys[0]
        return jwt.encode(claims, key, ALGORITHM, headers=jwt.get_unverified_header(token))


def _age(connection: Connection, passed: timedelta, *, midnights: timedelta) -> None:
    connection.execute(text("SET LOCAL timezone = 'UTC'"))
    tables: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in connection.execute(text(_COLUMNS)):
        if (table, column) not in _TICKS:
            tables.setdefault(table, []).append((column, kind))
    guarded = set(connection.scalars(text(_GUARDED)))
    for table, columns in tables.items():
        # A trigger that forbids changes means those that the application makes.
        if table in guarded:
            connection.execute(text(f'ALTER TABLE "{table}" DISABLE TRIGGER USER'))
        for step in _steps(table, columns):
            connection.execute(text(step), {"passed": passed, "midnights": midnights.days})
        if table in guarded:
            connection.execute(text(f'ALTER TABLE "{table}" ENABLE TRIGGER USER'))


def _steps(table: str, columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Far away and back: moved by a little, one row could land on another's unique moment."""
    far, back = [], []
    for column, kind in columns:
        name = f'"{column}"'
        far.append(f"{name} = ({name} + {_FAR})::{kind}")
        moved = f"{name} - {_FAR} - make_interval(days => :midnights)" if kind == "date" else f"{name} - {_FAR} - CAST(:passed AS interval)"
        back.append(f"{name} = ({moved})::{kind}")
    for changes in (far, back):
        yield f'UPDATE "{table}" SET {", ".join(changes)}'


def _age_redis(redis: Redis, passed: timedelta) -> None:
    for key in redis.scan_iter():
        left = redis.pttl(key)
        if isinstance(left, int) and left >= 0:
            redis.pexpire(key, left - int(passed.total_seconds() * 1000))  # which deletes it when nothing is left
