"""Leaving: what `flask plugin remove` and `purge` take away, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from click.testing import Result
from flask import Flask
from flask.cli import AppGroup

from app.core import migrations, registry
from app.core.migrating import exclusive, removal
from app.core.migrating.branches import find_branch
from app.core.plugin import Plugin
from tests.core.migrating import asked, package, small_app, write


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Plugin]:
    """Install a plugin: an entry point, a distribution, and one revision that makes a table, an enum and a function."""
    entries: list[object] = []
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)

    def make(name: str) -> Plugin:
        plugin = package(tmp_path, name)
        (tmp_path / f"{name}_plugin" / "__init__.py").write_text(
            f"from app.core.plugin import Plugin\nplugin = Plugin(name={name!r}, version='1', migrations={plugin.migrations!r})\n"
        )
        up = f"CREATE TABLE {name}_a (id uuid REFERENCES core_account); CREATE TABLE {name}_b (id serial PRIMARY KEY)"
        write(tmp_path / f"{name}_plugin" / "migrations", name, 1, up, f"DROP TABLE {name}_a, {name}_b")
        entry = EntryPoint(name, f"{name}_plugin:plugin", registry.GROUP)
        entries.append(SimpleNamespace(name=name, value=entry.value, load=entry.load, dist=SimpleNamespace(name=f"playhall-{name}")))
        return plugin

    return make


Install = Callable[[str], Plugin]


def plugin_command(app: Flask, *words: str, answer: str | None = None) -> Result:
    """Run `flask plugin ...` as an operator would."""
    group = AppGroup("plugin")
    group.add_command(removal.remove)
    group.add_command(removal.purge)
    app.cli.add_command(group)
    return app.test_cli_runner().invoke(args=["plugin", *words], input=answer)


def relations(url: str, *names: str) -> list[object]:
    """What of the plugins' is in the database, sequences and functions too."""
    query = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION SELECT proname FROM pg_proc WHERE pronamespace = "
    )
    query += "'public'::regnamespace UNION SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace ORDER BY 1"
    return [row[0] for row in asked(url, query) if any(name in str(row[0]) for name in names)]


def work_of(url: str, *names: str) -> None:
    """Events and jobs of those plugins."""
    for name in names:
        asked(url, f"INSERT INTO core_outbox (id, name, payload) VALUES (gen_random_uuid(), '{name}.dropped.v1', '{{}}')")
        asked(url, f"INSERT INTO core_job (id, name, payload) VALUES (gen_random_uuid(), '{name}.work', '{{}}')")


def test_remove_takes_tables_rows_and_history_and_says_what_is_left_to_do(url: str, install: Install) -> None:
    """And nothing of a neighbour, also of one whose name only begins the same."""
    loot, looter = install("loot"), install("looter")
    app = small_app(url, [loot, looter])
    migrations.upgrade(app)
    work_of(url, "loot", "looter")

    result = plugin_command(small_app(url, [looter]), "remove", "loot", answer="y\n")

    assert result.exit_code == 0, result.output
    assert "table loot_a\ntable loot_b" in result.output
    assert result.output.endswith("took back loot_20260101_1\nloot is gone from the database.\nNow: pip uninstall playhall-loot\n")
    assert [name for name in relations(url, "loot") if "looter" not in str(name)] == []
    assert {"alembic_version_looter", "looter_a", "looter_b"} <= set(relations(url, "looter"))
    assert asked(url, "SELECT name FROM core_outbox") == [("looter.dropped.v1",)]
    assert asked(url, "SELECT name FROM core_job") == [("looter.work",)]


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_remove_asks_first(url: str, install: Install, answer: str) -> None:
    """Anything but yes changes nothing."""
    migrations.upgrade(small_app(url, [install("ask")]))
    result = plugin_command(small_app(url), "remove", "ask", answer=answer)
    assert result.exit_code == 1
    assert asked(url, "SELECT version_num FROM alembic_version_ask") == [("ask_20260101_1",)]


def test_remove_works_on_a_disabled_plugin_alone(url: str, install: Install) -> None:
    """On, its processes would lose their tables: it says what to do first, and changes nothing."""
    on = small_app(url, [install("offplug"), install("other1")])
    migrations.upgrade(on)
    said = refused(on, "remove", "offplug")
    assert "offplug is on: without its tables every process that has it would fail. Set PLAYHALL_PLUGINS=other1 and restart" in said
    assert "offplug_a" in relations(url, "offplug")
    assert plugin_command(small_app(url), "remove", "offplug", "--yes").exit_code == 0
    assert relations(url, "offplug") == []


def test_remove_can_be_repeated(url: str, install: Install) -> None:
    """Killed half way, or nothing there: the second run finishes and says the same."""
    plugin = install("again")
    app = small_app(url, [plugin])
    migrations.upgrade(app)
    migrations.downgrade(app, find_branch(app, "again"))
    for _ in range(2):
        assert plugin_command(small_app(url), "remove", "again", "--yes").exit_code == 0
    assert relations(url, "again") == []


def test_remove_before_anything_was_migrated(url: str, install: Install) -> None:
    """There is not even a core."""
    install("early")
    result = plugin_command(small_app(url), "remove", "early", "--yes")
    assert result.exit_code == 0, result.output
    assert "early has no tables" in result.output


def test_remove_names_what_its_revisions_left(url: str, install: Install, tmp_path: Path) -> None:
    """A careless downgrade is told, with the way to clear up."""
    app = small_app(url, [install("messy")])
    write(tmp_path / "messy_plugin" / "migrations", "messy", 2, "CREATE TABLE messy_rest (id int)", "")
    migrations.upgrade(app)
    result = plugin_command(small_app(url), "remove", "messy", "--yes")
    assert "Its revisions left messy_rest behind. When the package is uninstalled: flask plugin purge messy" in result.output


def test_remove_of_a_plugin_without_tables(url: str, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its events and jobs go all the same."""
    plugin = install("bare")
    monkeypatch.setattr(registry, "load", lambda name: replace(plugin, migrations=None))
    app = small_app(url)
    migrations.upgrade(app)
    work_of(url, "bare")
    assert plugin_command(app, "remove", "bare", "--yes").exit_code == 0
    assert asked(url, "SELECT name FROM core_job") == []


def test_remove_is_refused_while_another_requires_it(url: str, install: Install) -> None:
    """It names who."""
    base, top = install("base1"), replace(install("top1"), requires={"base1": ">=1"})
    app = small_app(url, [base, top])
    migrations.upgrade(app)
    result = plugin_command(app, "remove", "base1", "--yes")
    assert (result.exit_code, "base1 is on, and required by top1: " in result.output) == (1, True)
    assert "Set PLAYHALL_PLUGINS= and restart" in result.output
    assert asked(url, "SELECT version_num FROM alembic_version_base1") == [("base1_20260101_1",)]


def refused(app: Flask, *words: str) -> str:
    result = plugin_command(app, *words, "--yes")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    return result.output


def test_what_cannot_be_removed(url: str) -> None:
    """The core, the economy, and what is not there."""
    app = small_app(url)
    for name in ("core", "economy"):
        assert f"{name} is always on and cannot be removed" in refused(app, "remove", name)
    assert "'ghost' is not installed. When its package is gone: flask plugin purge ghost" in refused(app, "remove", "ghost")


def test_remove_stops_at_tables_of_unknown_origin(url: str, install: Install) -> None:
    """Tables without a version row are not dropped by a guess."""
    install("guess")
    app = small_app(url)
    asked(url, "CREATE TABLE guess_x (id int)")
    assert "guess: there are tables (guess_x)" in refused(app, "remove", "guess")
    assert relations(url, "guess") == ["_guess_x", "guess_x"]


EVERYTHING = (
    "CREATE TYPE gone_kind AS ENUM ('a')",
    "CREATE DOMAIN gone_price AS int CHECK (VALUE > 0)",
    "CREATE TABLE gone_b (id serial PRIMARY KEY, kind gone_kind, price gone_price)",
    "CREATE TABLE gone_a (id int GENERATED ALWAYS AS IDENTITY, b int REFERENCES gone_b, account uuid REFERENCES core_account)",
    "ALTER TABLE gone_b ADD UNIQUE (id), ADD a int",
    "CREATE VIEW gone_view AS SELECT * FROM gone_a",
    "CREATE MATERIALIZED VIEW gone_mat AS SELECT * FROM gone_view",
    "CREATE SEQUENCE gone_numbers",
    "CREATE FUNCTION gone_f(gone_kind) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION gone_t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER t BEFORE INSERT ON gone_a FOR EACH ROW EXECUTE FUNCTION gone_t()",
    "CREATE TABLE alembic_version_gone (version_num text)",
    "CREATE TABLE gonex_a (id int)",
)


def leave_behind(url: str, statements: Sequence[str] = EVERYTHING) -> None:
    for statement in statements:
        asked(url, statement)


def test_purge_takes_everything_with_the_prefix_and_nothing_else(url: str) -> None:
    """Tables that point at each other, views on views, types, functions, the history, events and jobs."""
    app = small_app(url)
    migrations.upgrade(app)
    leave_behind(url)
    work_of(url, "gone", "gonex")

    result = plugin_command(app, "purge", "gone", answer="y\n")

    assert result.exit_code == 0, result.output
    assert "table gone_a\ntable gone_b" in result.output
    assert relations(url, "gone") == ["_gonex_a", "gonex_a"]
    assert asked(url, "SELECT name FROM core_outbox") == [("gonex.dropped.v1",)]


def test_purge_asks_first(url: str) -> None:
    """It shows what it would drop."""
    leave_behind(url, ["CREATE TABLE gone_a (id int)"])
    result = plugin_command(small_app(url), "purge", "gone", answer="n\n")
    assert result.exit_code == 1
    assert "table gone_a" in result.output
    assert relations(url, "gone") == ["_gone_a", "gone_a"]


def test_purge_is_all_or_nothing(url: str) -> None:
    """A stranger's foreign key is in the way: the message names it and everything is still there."""
    leave_behind(
        url,
        ["CREATE TABLE gone_a (id int PRIMARY KEY)", "CREATE VIEW gone_v AS SELECT 1", "CREATE TABLE other_a (id int REFERENCES gone_a)"],
    )
    said = refused(small_app(url), "purge", "gone")
    assert "gone is still there" in said
    assert "other_a" in said
    assert {"gone_a", "gone_v"} <= set(relations(url, "gone"))


def test_purge_of_a_table_in_use_is_tried_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Like a migration, and given up like one."""
    monkeypatch.setattr(exclusive, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(exclusive, "ATTEMPTS", 2)
    leave_behind(url, ["CREATE TABLE gone_a (id int)"])
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM gone_a")
        said = refused(small_app(url), "purge", "gone")
    assert "a table is in use; trying again (1 of 1)" in said
    assert "gone is still there" in said


def test_what_cannot_be_purged(url: str, install: Install) -> None:
    """An installed plugin, a built-in one, the core, no name at all, and nothing."""
    install("present")
    app = small_app(url)
    assert "present is installed; its own revisions know best how to leave: flask plugin remove present" in refused(app, "purge", "present")
    assert "shop is installed" in refused(app, "purge", "shop")
    for name in ("core", "alembic_version", "no_name"):
        assert f"'{name}' is no plugin's name" in refused(app, "purge", name)
    assert "there is nothing in the database that begins with ghost_" in refused(app, "purge", "ghost")
