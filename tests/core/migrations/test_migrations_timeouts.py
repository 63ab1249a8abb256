"""Time-outs and transactions: what one revision may take, and what becomes of one that takes more."""

from __future__ import annotations

import pytest
from flask import Flask

from app.core import migrations
from app.core.migrating.branches import Branch, MigrationError
from tests.core.migrating import asked, at, write

TABLE = "CREATE TABLE loot_drop (id int PRIMARY KEY)"
GONE = "DROP TABLE loot_drop"


def settings_seen(url: str) -> list[tuple[object, ...]]:
    return asked(url, "SELECT lock, statement FROM loot_seen ORDER BY n")


NOTE = "INSERT INTO loot_seen (lock, statement) VALUES (current_setting('lock_timeout'), current_setting('statement_timeout'))"


def test_revision_has_the_time_outs_it_declares(app: Flask, url: str, loot: Branch) -> None:
    """2 s for a lock and 10 s for a statement, unless it declares more; and the next one has the usual ones again."""
    seen = "CREATE TABLE loot_seen (n serial, lock text, statement text)"
    write(loot.folder, "loot", 1, f"{seen}; {NOTE}", "DROP TABLE loot_seen")
    write(loot.folder, "loot", 2, NOTE, "", declared='timeout = "5min"')
    write(loot.folder, "loot", 3, NOTE, "", declared='timeout = "15min"\ntransactional = False')
    write(loot.folder, "loot", 4, NOTE, "")
    migrations.upgrade(app, loot)
    assert settings_seen(url) == [("2s", "10s"), ("2s", "5min"), ("15min", "15min"), ("2s", "10s")]


def test_statement_that_runs_too_long_is_cancelled_with_advice(app: Flask, url: str, loot: Branch) -> None:
    """A migration never holds a table for longer than it said."""
    write(loot.folder, "loot", 1, "SELECT pg_sleep(20)", "", declared='timeout = "50ms"')
    with pytest.raises(MigrationError, match=r"It ran too long: give the revision a time-out of its own"):
        migrations.upgrade(app, loot)
    assert at(url) == []


@pytest.mark.parametrize(
    ("declared", "message"),
    [("timeout = 5", "must be a duration such as '30s'"), ("transactional = False", "needs a time-out of its own")],
)
def test_wrong_declaration_is_refused(app: Flask, loot: Branch, declared: str, message: str) -> None:
    """Before the revision runs."""
    write(loot.folder, "loot", 1, "", "", declared=declared)
    with pytest.raises(MigrationError, match=message):
        migrations.upgrade(app, loot)


CONCURRENTLY = 'transactional = False\ntimeout = "1min"'


def test_index_is_built_concurrently_and_repeated_after_a_failure(app: Flask, url: str, loot: Branch) -> None:
    """Outside a transaction a failure leaves something behind; the revision clears that away first, so it can run again."""
    write(loot.folder, "loot", 1, "CREATE TABLE loot_drop (n int); INSERT INTO loot_drop VALUES (1), (1)", GONE)
    up = (
        'op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_loot_drop_n")\n'
        'op.execute("CREATE UNIQUE INDEX CONCURRENTLY ix_loot_drop_n ON loot_drop (n)")'
    )
    write(loot.folder, "loot", 2, up, "DROP INDEX CONCURRENTLY ix_loot_drop_n", declared=CONCURRENTLY)
    with pytest.raises(MigrationError, match="loot_20260101_2 failed"):
        migrations.upgrade(app, loot)
    assert at(url) == ["loot_20260101_1"]
    asked(url, "TRUNCATE loot_drop")

    migrations.upgrade(app, loot)

    assert at(url) == ["loot_20260101_2"]
    assert asked(url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_loot_drop_n'::regclass") == [(True,)]
