"""Migrating: what goes up, what comes back, and what is refused before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app.core import migrations
from app.core.migrating.branches import Branch, MigrationError, core_branch
from playhall.testing.services import Services
from tests.core.migrating import asked, at, branch, package, small_app, write

TABLE = "CREATE TABLE loot_drop (id int PRIMARY KEY)"
GONE = "DROP TABLE loot_drop"


def existing(url: str) -> set[object]:
    return {row[0] for row in asked(url, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")}


def test_upgrade_does_every_branch_in_load_order(url: str, tmp_path: Path) -> None:
    """A plugin's first revision may count on the tables of what it was loaded after."""
    plugins = [package(tmp_path, "alpha"), package(tmp_path, "beta", requires={"alpha": ">=1"})]
    alpha, beta = (tmp_path / f"{name}_plugin" / "migrations" for name in ("alpha", "beta"))
    write(alpha, "alpha", 1, "CREATE TABLE alpha_a (id uuid REFERENCES core_account)", "DROP TABLE alpha_a")
    write(beta, "beta", 1, "CREATE TABLE beta_b AS SELECT * FROM alpha_a", "DROP TABLE beta_b")
    app = small_app(url, plugins)
    said: list[str] = []

    migrations.upgrade(app, say=said.append)

    core = core_branch().revisions()[::-1]
    assert said == [f"applied {revision}" for revision in (*core, "alpha_20260101_1", "beta_20260101_1")]


def test_downgrade_base_goes_backwards_and_leaves_nothing(url: str, tmp_path: Path) -> None:
    """What was loaded last goes first, so that no foreign key is in the way."""
    plugin = package(tmp_path, "gamma")
    folder = tmp_path / "gamma_plugin" / "migrations"
    write(folder, "gamma", 1, "CREATE TABLE gamma_g (id uuid REFERENCES core_account)", "DROP TABLE gamma_g")
    app = small_app(url, [plugin])
    migrations.upgrade(app)
    said: list[str] = []

    migrations.downgrade(app, say=said.append)

    assert said == ["took back gamma_20260101_1", *(f"took back {revision}" for revision in core_branch().revisions())]
    assert existing(url) == {"alembic_version", "alembic_version_gamma"}


def test_upgrade_again_does_nothing(app: Flask, url: str) -> None:
    """A deploy may always run it."""
    migrations.upgrade(app)
    said: list[str] = []
    migrations.upgrade(app, say=said.append)
    assert said == []


def test_failing_revision_is_absent_and_earlier_ones_stay(app: Flask, url: str, loot: Branch) -> None:
    """Each revision is its own transaction."""
    write(loot.folder, "loot", 1, TABLE, GONE)
    write(loot.folder, "loot", 2, "CREATE TABLE loot_half (id int); SELECT 1/0", "")

    with pytest.raises(MigrationError, match=r"loot_20260101_2 failed and is not applied; .*division by zero.* run the command again"):
        migrations.upgrade(app, loot)

    assert at(url) == ["loot_20260101_1"]
    assert existing(url) == {"loot_drop", "alembic_version_loot"}


def test_corrected_revision_goes_on_where_it_stopped(app: Flask, url: str, loot: Branch) -> None:
    """After a failure, the same command again is all there is to do."""
    write(loot.folder, "loot", 1, TABLE, GONE)
    write(loot.folder, "loot", 2, "SELECT 1/0", "")
    with pytest.raises(MigrationError):
        migrations.upgrade(app, loot)
    write(loot.folder, "loot", 2, "ALTER TABLE loot_drop ADD x int", "ALTER TABLE loot_drop DROP x")
    said: list[str] = []
    migrations.upgrade(app, loot, say=said.append)
    assert said == ["applied loot_20260101_2"]


def test_tables_without_a_version_row_stop_it(app: Flask, url: str, loot: Branch) -> None:
    """Nobody knows which revision made them; guessing would skip or repeat one."""
    write(loot.folder, "loot", 1, TABLE, GONE)
    asked(url, "CREATE TABLE loot_old (id int)")

    with pytest.raises(MigrationError, match=r"loot: there are tables \(loot_old\), but alembic_version_loot does not say"):
        migrations.upgrade(app, loot)

    assert existing(url) == {"loot_old"}


def test_revision_that_the_code_does_not_have_stops_it(app: Flask, url: str, loot: Branch) -> None:
    """An older release on a newer database says so, instead of Alembic's 'can't locate'."""
    write(loot.folder, "loot", 1, TABLE, GONE)
    migrations.upgrade(app, loot)
    asked(url, "UPDATE alembic_version_loot SET version_num = 'loot_20990101_1'")
    for command in (migrations.upgrade, migrations.downgrade):
        with pytest.raises(MigrationError, match=r"loot: the database is at loot_20990101_1, which the installed code does not have"):
            command(app, loot)


def test_every_unclear_branch_is_named_and_nothing_is_migrated(url: str, tmp_path: Path) -> None:
    """One message for all problems, before the first change."""
    app = small_app(url, [package(tmp_path, "delta"), package(tmp_path, "epsilon")])
    asked(url, "CREATE TABLE delta_x (id int)")
    asked(url, "CREATE TABLE epsilon_x (id int)")
    with pytest.raises(MigrationError, match=r"(?s)delta: there are tables.*epsilon: there are tables"):
        migrations.upgrade(app)
    assert existing(url) == {"delta_x", "epsilon_x"}


def test_neighbour_with_a_longer_name_is_not_touched(app: Flask, url: str, tmp_path: Path) -> None:
    """`shop` neither claims nor takes back what begins with `shopx_`."""
    shop, shopx = branch(tmp_path / "shop", "shop"), branch(tmp_path / "shopx", "shopx")
    write(shop.folder, "shop", 1, "CREATE TABLE shop_a (id int)", "DROP TABLE shop_a")
    write(shopx.folder, "shopx", 1, "CREATE TABLE shopx_a (id int)", "DROP TABLE shopx_a")
    migrations.upgrade(app, shopx)
    migrations.upgrade(app, shop)
    migrations.downgrade(app, shop)
    assert existing(url) == {"shopx_a", "alembic_version_shopx", "alembic_version_shop"}
    assert (at(url, "alembic_version_shopx"), at(url, "alembic_version_shop")) == (["shopx_20260101_1"], [])


def test_longest_plugin_name_fits_in_its_version_table(app: Flask, url: str, tmp_path: Path) -> None:
    """Alembic's own table ends at 32 characters."""
    name = "a" * 30
    long = branch(tmp_path / "long", name)
    revision = write(long.folder, name, 1, "SELECT 1", "SELECT 1")
    migrations.upgrade(app, long)
    assert at(url, long.version_table) == [revision]


def test_folder_may_have_any_name(app: Flask, url: str, tmp_path: Path) -> None:
    """Alembic's options give a meaning to percent signs, colons, commas and spaces."""
    odd = branch(tmp_path / "50% off: a, b" / "loot")
    write(odd.folder, "loot", 1, TABLE, GONE)
    migrations.upgrade(app, odd)
    assert at(url) == ["loot_20260101_1"]


def test_two_newest_revisions_are_refused_by_name(app: Flask, loot: Branch) -> None:
    """A history is one line."""
    write(loot.folder, "loot", 1, TABLE, GONE)
    source = (loot.folder / "loot_20260101_1_n.py").read_text()
    (loot.folder / "loot_20260102_1_n.py").write_text(source.replace("loot_20260101_1", "loot_20260102_1"))
    with pytest.raises(MigrationError, match=r"loot: loot_2026010\d_1 and loot_2026010\d_1 are both newest; set down_revision"):
        migrations.upgrade(app, loot)


def test_revision_that_cannot_be_read_is_refused_by_name(app: Flask, loot: Branch) -> None:
    """A syntax error, or a parent that is not there, names the branch and the folder."""
    write(loot.folder, "loot", 2, "SELECT 1", "")
    with pytest.raises(MigrationError, match=r"loot: the revisions in .* cannot be read: .*loot_20260101_1"):
        migrations.upgrade(app, loot)


def test_missing_downgrade_says_so_and_keeps_the_revision(app: Flask, url: str, loot: Branch) -> None:
    """Going back over it fails before anything is dropped."""
    write(loot.folder, "loot", 1, TABLE, GONE)
    path = loot.folder / "loot_20260101_1_n.py"
    path.write_text(path.read_text().split("def downgrade")[0])
    migrations.upgrade(app, loot)
    with pytest.raises(MigrationError, match=r"has no downgrade\(\); write one"):
        migrations.downgrade(app, loot)
    assert at(url) == ["loot_20260101_1"]


def test_going_back_says_what_is_lost(app: Flask, loot: Branch) -> None:
    """A lossy revision has told its reason."""
    write(loot.folder, "loot", 1, TABLE, GONE, declared='lossy = "drops are not kept"')
    migrations.upgrade(app, loot)
    said: list[str] = []
    migrations.downgrade(app, loot, say=said.append)
    assert said == ["took back loot_20260101_1 (lost: drops are not kept)"]


def test_core_does_not_go_back_under_a_plugin(url: str, tmp_path: Path) -> None:
    """It says which plugin is in the way and how to take that back."""
    app = small_app(url, [package(tmp_path, "zeta")])
    write(tmp_path / "zeta_plugin" / "migrations", "zeta", 1, "CREATE TABLE zeta_a (id int)", "DROP TABLE zeta_a")
    migrations.upgrade(app)
    with pytest.raises(MigrationError, match="zeta needs core; first: flask db downgrade base --plugin zeta"):
        migrations.downgrade(app, core_branch())


def test_nothing_goes_back_while_an_orphan_points_at_it(app: Flask, url: str) -> None:
    """Otherwise every plugin's rows would be gone before PostgreSQL refuses to drop core_account."""
    migrations.upgrade(app)
    asked(url, "CREATE TABLE stray_a (id uuid REFERENCES core_account)")
    with pytest.raises(MigrationError, match=r"stray_a points at core_account; remove its plugin first: flask plugin remove stray"):
        migrations.downgrade(app)
    assert at(url, "alembic_version") == [core_branch().revisions()[0]]


def test_stamp_restores_a_lost_row(app: Flask, url: str, loot: Branch) -> None:
    """The one repair for tables without a row; it changes nothing else."""
    write(loot.folder, "loot", 1, TABLE, GONE)
    migrations.upgrade(app, loot)
    asked(url, "DELETE FROM alembic_version_loot")
    with pytest.raises(MigrationError, match="loot has no revision loot_x; it has loot_20260101_1"):
        migrations.stamp(app, loot, "loot_x")
    migrations.stamp(app, loot, "loot_20260101_1")
    assert at(url) == ["loot_20260101_1"]


def test_missing_database_says_what_to_do(url: str, services: Services) -> None:
    """Creating a database is not a migration's work."""
    missing = url.replace("scratch_", "missing_")
    with pytest.raises(MigrationError, match=r"there is no database missing_\w+; create it first: createdb missing_"):
        migrations.upgrade(small_app(missing))


def test_missing_server_says_what_to_do() -> None:
    """One line, without a traceback."""
    with pytest.raises(MigrationError, match=r"PostgreSQL cannot be reached .*; check DATABASE_URL"):
        migrations.upgrade(small_app("postgresql://127.0.0.1:1/none_test"))
