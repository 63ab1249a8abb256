"""Several processes at once, processes that die, and tables that are in use."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from app.core import migrations
from app.core.migrating import exclusive
from app.core.migrating.branches import Branch, MigrationError
from playhall.testing.schema import schema
from playhall.testing.services import Services
from tests.core.migrating import asked, at, branch, scratch, small_app, write

TABLE = "CREATE TABLE loot_drop (id int PRIMARY KEY)"
GONE = "DROP TABLE loot_drop"


CONCURRENTLY = 'transactional = False\ntimeout = "1min"'

UPGRADE = """
import sys
from pathlib import Path
from app.core import migrations
from tests.core.migrating import branch, small_app
migrations.upgrade(small_app(sys.argv[1]), branch(Path(sys.argv[2])), say=print)
"""


def test_several_processes_upgrade_at_once_and_each_revision_runs_once(url: str, loot: Branch) -> None:
    """A second deploy waits for the first and finds nothing left to do."""
    write(loot.folder, "loot", 1, "CREATE TABLE loot_ran (n int); SELECT pg_sleep(0.4)", "DROP TABLE loot_ran")
    write(loot.folder, "loot", 2, "INSERT INTO loot_ran VALUES (2); SELECT pg_sleep(0.4)", "")
    write(loot.folder, "loot", 3, "CREATE INDEX CONCURRENTLY ix_loot_ran_n ON loot_ran (n)", "", declared=CONCURRENTLY)
    command = [sys.executable, "-c", UPGRADE, url, str(loot.folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=120) for process in running]

    assert [process.returncode for process in running] == [0, 0, 0], said
    assert sorted(out for out, _ in said) == ["", "", "".join(f"applied loot_20260101_{n}\n" for n in (1, 2, 3))]
    assert asked(url, "SELECT n FROM loot_ran") == [(2,)]


def test_killed_process_leaves_no_lock_and_no_half_revision(url: str, loot: Branch) -> None:
    """SIGKILL in the middle of a revision: the next upgrade starts it afresh."""
    write(loot.folder, "loot", 1, "CREATE TABLE loot_a (n int)", "DROP TABLE loot_a")
    write(loot.folder, "loot", 2, "INSERT INTO loot_a VALUES (1); SELECT pg_sleep(9)", "")
    process = subprocess.Popen([sys.executable, "-u", "-c", UPGRADE, url, str(loot.folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "applied loot_20260101_1\n"
    process.kill()
    process.communicate()
    # The server notices that nobody is there when its statement ends; a deploy would wait for that.
    asked(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    write(loot.folder, "loot", 2, "INSERT INTO loot_a VALUES (1)", "")

    migrations.upgrade(small_app(url), loot)

    assert asked(url, "SELECT n FROM loot_a") == [(1,)]


def test_table_in_use_is_tried_again(app: Flask, url: str, loot: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lets go of its place in the queue, waits a little and asks again."""
    monkeypatch.setattr(exclusive, "LOCK_TIMEOUT", "100ms")
    write(loot.folder, "loot", 1, TABLE, GONE)
    migrations.upgrade(app, loot)
    write(loot.folder, "loot", 2, "ALTER TABLE loot_drop ADD x int", "")
    said: list[str] = []
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM loot_drop")

        def say(line: str) -> None:
            said.append(line)
            reader.rollback()

        migrations.upgrade(app, loot, say=say)
    assert said == ["a table is in use; trying again (1 of 5)", "applied loot_20260101_2"]


def test_table_in_use_all_the_time_is_given_up_with_advice(app: Flask, url: str, loot: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is changed, and the message says where to look."""
    monkeypatch.setattr(exclusive, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(exclusive, "ATTEMPTS", 2)
    write(loot.folder, "loot", 1, TABLE, GONE)
    migrations.upgrade(app, loot)
    write(loot.folder, "loot", 2, "ALTER TABLE loot_drop ADD x int", "")
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM loot_drop")
        with pytest.raises(MigrationError, match="A table was in use all the time: end the transactions that hold it"):
            migrations.upgrade(app, loot)
    assert at(url) == ["loot_20260101_1"]


def test_waiting_for_another_process_has_an_end(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten migration does not hang every later deploy for ever."""
    monkeypatch.setattr(exclusive, "PATIENCE", 0.0)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with exclusive.exclusive(app):
            held.set()
            done.wait(30)

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(30)
    try:
        with pytest.raises(MigrationError, match="another process has been migrating this database"):
            migrations.upgrade(app)
    finally:
        done.set()
        other.join()


def test_schema_is_the_same_by_whichever_way_it_came(services: Services, tmp_path: Path) -> None:
    """All at once, or one revision at a time."""
    folder = branch(tmp_path / "loot")
    write(folder.folder, "loot", 1, TABLE, GONE)
    write(folder.folder, "loot", 2, "ALTER TABLE loot_drop ADD x int", "ALTER TABLE loot_drop DROP x")
    found = []
    for steps in (["head"], ["+1", "+1"]):
        with scratch(services.database_url) as url:
            app = small_app(url)
            for step in steps:
                migrations.upgrade(app, folder, step)
            with exclusive.connected(app) as connection:
                found.append(schema(connection.engine.url))
    assert found[0] == found[1]
