"""Where the database stands, for /readyz and `flask doctor`."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from app.core import migrations
from app.core.migrating.branches import MigrationError, branch_of, core_branch, find_branch
from app.core.migrating.standing import Orphan, Standing, orphans, pending, unknown
from app.core.plugin import Plugin
from tests.core.migrating import asked, package, small_app, write

HEAD = core_branch().revisions()[0]


def test_empty_database_is_behind_in_every_branch(url: str, tmp_path: Path) -> None:
    """Before the first upgrade nothing is there, and asking is no error."""
    plugin = package(tmp_path, "eta")
    write(tmp_path / "eta_plugin" / "migrations", "eta", 1, "CREATE TABLE eta_a (id int)", "DROP TABLE eta_a")
    app = small_app(url, [plugin])
    assert pending(app) == {"core": Standing(None, HEAD), "eta": Standing(None, "eta_20260101_1")}
    assert unknown(app) == {}


def test_upgraded_database_is_not_behind(url: str) -> None:
    """Nothing to report."""
    app = small_app(url)
    migrations.upgrade(app)
    assert (pending(app), unknown(app), orphans(app)) == ({}, {}, [])


def test_only_the_branch_that_is_behind_is_named(url: str, tmp_path: Path) -> None:
    """With what it has and what it needs."""
    plugin = package(tmp_path, "theta")
    folder = tmp_path / "theta_plugin" / "migrations"
    write(folder, "theta", 1, "CREATE TABLE theta_a (id int)", "DROP TABLE theta_a")
    migrations.upgrade(small_app(url, [plugin]))
    write(folder, "theta", 2, "ALTER TABLE theta_a ADD x int", "ALTER TABLE theta_a DROP x")
    assert pending(small_app(url, [plugin])) == {"theta": Standing("theta_20260101_1", "theta_20260101_2")}


def test_newer_database_is_unknown_but_not_behind(url: str) -> None:
    """In a rolling deploy the old release serves on while the new one has migrated already."""
    app = small_app(url)
    migrations.upgrade(app)
    asked(url, "UPDATE alembic_version SET version_num = 'core_20990101_1'")
    assert pending(app) == {}
    assert unknown(app) == {"core": Standing("core_20990101_1", HEAD)}


def test_plugin_without_revisions_is_not_behind(url: str, tmp_path: Path) -> None:
    """It has a package for them and none in it yet."""
    app = small_app(url, [package(tmp_path, "iota")])
    assert "iota" not in pending(app)


def test_asking_takes_two_queries_however_many_branches(url: str, tmp_path: Path) -> None:
    """A probe asks every second; it may bring its own connection."""
    app = small_app(url, [package(tmp_path, name) for name in ("kappa", "lambda1", "mu")])
    migrations.upgrade(app)
    asked_for: list[str] = []
    with psycopg.connect(url) as connection:

        def fetch(query: str) -> list[tuple[object, ...]]:
            asked_for.append(query)
            return connection.execute(query.encode()).fetchall()

        assert pending(app, fetch) == {}
    assert len(asked_for) == 2


def test_orphans_are_named_by_plugin(url: str) -> None:
    """Tables and version tables of nobody who is enabled; an extension's tables and partitions are no orphans."""
    app = small_app(url)
    migrations.upgrade(app)
    asked(url, "CREATE TABLE loot_a (id int) PARTITION BY RANGE (id)")
    asked(url, "CREATE TABLE loot_a_1 PARTITION OF loot_a FOR VALUES FROM (1) TO (2)")
    asked(url, "CREATE TABLE alembic_version_loot (version_num text)")
    asked(url, "CREATE TABLE alembic_version_ghost (version_num text)")
    asked(url, "CREATE TABLE stray ()")
    assert orphans(app) == [
        Orphan("ghost", ["alembic_version_ghost"]),
        Orphan("loot", ["alembic_version_loot", "loot_a"]),
        Orphan("stray", ["stray"]),
    ]


def test_longer_name_of_a_neighbour_is_an_orphan_all_the_same(url: str, tmp_path: Path) -> None:
    """`nu` being enabled does not hide what `nux` left."""
    app = small_app(url, [package(tmp_path, "nu")])
    asked(url, "CREATE TABLE nux_a (id int)")
    asked(url, "CREATE TABLE nu_a (id int)")
    assert orphans(app) == [Orphan("nux", ["nux_a"])]


def test_plugin_without_tables_has_no_branch() -> None:
    """And one whose package is not there says what to make."""
    assert branch_of(Plugin(name="xi", version="1.0.0")) is None
    for missing in ("xi_nowhere.migrations", "app.core.models"):
        with pytest.raises(MigrationError, match=r"xi: there is no package .*; make that folder"):
            branch_of(Plugin(name="xi", version="1.0.0", migrations=missing))


def test_unknown_plugin_is_refused_by_name(url: str) -> None:
    """With the way out for a package that is gone."""
    with pytest.raises(MigrationError, match=r"'omicron' is not installed.*flask plugin purge omicron"):
        find_branch(small_app(url), "omicron")
