"""`flask db` as an operator and a plugin's author meet it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from app.core import migrations, registry
from app.core.migrating import removal
from app.core.migrating.branches import core_branch
from app.core.plugin import Plugin
from tests.core.migrating import asked, package, small_app, write

Run = Callable[..., Result]

REVISIONS = core_branch().revisions()  # newest first
CORE = REVISIONS[0]
UP = "".join(f"applied {revision}\n" for revision in reversed(REVISIONS))


def runner(app: Flask) -> Run:
    return lambda *words: app.test_cli_runner().invoke(args=["db", *words])


def sigma(folder: Path, name: str = "sigma") -> Plugin:
    """A plugin with two revisions."""
    plugin = package(folder, name)
    home = folder / f"{name}_plugin" / "migrations"
    write(home, name, 1, f"CREATE TABLE {name}_a (id int)", f"DROP TABLE {name}_a")
    write(home, name, 2, f"ALTER TABLE {name}_a ADD x int", f"ALTER TABLE {name}_a DROP x")
    return plugin


def disabled(monkeypatch: pytest.MonkeyPatch, plugin: Plugin, folder: Path) -> None:
    """Make the plugin one that is installed, through an entry point, but not enabled."""
    module = folder / f"{plugin.name}_plugin" / "__init__.py"
    module.write_text(
        f"from playhall import Plugin\nplugin = Plugin(name={plugin.name!r}, version='1', migrations={plugin.migrations!r})\n"
    )
    entry = EntryPoint(plugin.name, f"{plugin.name}_plugin:plugin", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])


def test_whole_life_of_a_branch(url: str, tmp_path: Path) -> None:
    """Up, looked at, one back, one up, all back."""
    run = runner(small_app(url, [sigma(tmp_path)]))
    assert run("upgrade").output == f"{UP}applied sigma_20260101_1\napplied sigma_20260101_2\n"
    assert run("current").output == f"core {CORE} (head)\nsigma sigma_20260101_2 (head)\n"
    assert run("heads").output == f"core {CORE}\nsigma sigma_20260101_2\n"
    assert run("history", "--plugin", "sigma").output == "sigma sigma_20260101_2 Number 2\nsigma sigma_20260101_1 Number 1\n"
    assert run("downgrade", "--plugin", "sigma").output == "took back sigma_20260101_2\n"
    assert run("current", "--plugin", "sigma").output == "sigma sigma_20260101_1\n"
    assert run("upgrade", "--plugin", "sigma", "+1").output == "applied sigma_20260101_2\n"
    assert run("downgrade", "--plugin", "sigma", "-2").output == "took back sigma_20260101_2\ntook back sigma_20260101_1\n"
    assert run("current", "--plugin", "sigma").output == "sigma -\n"
    assert run("downgrade", "base").output == "".join(f"took back {revision}\n" for revision in REVISIONS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["downgrade"], "add --plugin NAME, or take everything back with: flask db downgrade base"),
        (["upgrade", "+1"], "a revision belongs to one plugin: add --plugin NAME"),
        (["migrate", "-m", "x"], "Missing option '--plugin'"),
        (["stamp", "x"], "Missing option '--plugin'"),
        (["upgrade", "--plugin", "core", "nowhere"], "core: Can't locate revision identified by 'nowhere'"),
        (["upgrade", "--plugin", "nobody"], "'nobody' is not installed"),
    ],
)
def test_misuse_is_one_sentence(url: str, words: Sequence[str], message: str) -> None:
    """No traceback, and a failing exit code."""
    result = runner(small_app(url))(*words)
    assert result.exit_code != 0
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


def test_group_of_flask_migrate_is_gone(url: str) -> None:
    """Its commands know one history; a script that calls one of them must not half work."""
    commands = small_app(url).cli.commands["db"].commands  # type: ignore[attr-defined]
    assert set(commands) == {"upgrade", "downgrade", "current", "heads", "history", "check", "migrate", "stamp"}


def test_stamp_says_where_it_is_now(url: str, tmp_path: Path) -> None:
    """After a lost row."""
    run = runner(small_app(url, [sigma(tmp_path)]))
    run("upgrade")
    asked(url, "DELETE FROM alembic_version_sigma")
    assert run("stamp", "--plugin", "sigma", "sigma_20260101_2").output == "sigma is at sigma_20260101_2\n"


def test_disabled_plugin_can_be_migrated(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is switched on, or to leave after it was switched off."""
    disabled(monkeypatch, sigma(tmp_path, "tau"), tmp_path)
    run = runner(small_app(url))
    assert run("upgrade", "--plugin", "tau").output == "applied tau_20260101_1\napplied tau_20260101_2\n"
    assert run("downgrade", "--plugin", "tau", "base").exit_code == 0


def test_disabled_plugin_without_tables_says_so(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is installed, but there is nothing to migrate."""
    disabled(monkeypatch, replace(package(tmp_path, "upsilon"), migrations=None), tmp_path)
    result = runner(small_app(url))("upgrade", "--plugin", "upsilon")
    assert "upsilon has no tables: its Plugin names no migrations" in result.output


@pytest.mark.parametrize("gone", ["package", "enabled"])
def test_others_migrate_when_a_plugin_is_gone(url: str, tmp_path: Path, gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uninstalled or switched off: its tables stay, nobody else is stopped, and everything goes on both ways."""
    name = f"phi{gone}"
    plugin, other = sigma(tmp_path, name), sigma(tmp_path, f"chi{gone}")
    migrations.upgrade(small_app(url, [plugin]))
    if gone == "enabled":
        disabled(monkeypatch, plugin, tmp_path)
    run = runner(small_app(url, [other]))
    assert run("upgrade").output == f"applied chi{gone}_20260101_1\napplied chi{gone}_20260101_2\n"
    assert run("check", "--plugin", "core").exit_code == 0
    assert run("current").exit_code == 0
    assert run("downgrade", "base").output.endswith(f"took back {REVISIONS[-1]}\n")
    assert run("upgrade").exit_code == 0
    assert asked(url, f"SELECT version_num FROM alembic_version_{name}") == [(f"{name}_20260101_2",)]
    assert asked(url, f"SELECT to_regclass('{name}_a')::text") == [(f"{name}_a",)]


# Models and revisions. Models stay in the metadata of the process, so each of these has a process of its own.

AUTHOR = """
import sys
from tests.core.migrating import small_app
from app.core.migrating.branches import find_branch
from app.core.plugin import Plugin
sys.path.insert(0, sys.argv[2])
plugin = Plugin(name="psi", version="1", models="psi_plugin.models", migrations="psi_plugin.migrations")
app = small_app(sys.argv[1], [plugin])
for line in sys.stdin.read().splitlines():
    result = app.test_cli_runner().invoke(args=["db", *line.split("|")])
    print(result.exit_code, result.output.strip())
"""

MODEL = """
from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column
from app.core.db import Base

class Thing(Base):
    __tablename__ = "psi_thing"
    __table_args__ = (CheckConstraint("price > 0", "price"), Index(None, "price"))
    id: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[int] = mapped_column(server_default="1")
"""


def author(url: str, folder: Path, *lines: str) -> list[str]:
    command = [sys.executable, "-W", "error", "-c", AUTHOR, url, str(folder)]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_author_writes_models_and_gets_revisions(url: str, tmp_path: Path) -> None:
    """The first tables, nothing when nothing changed, then a column: each in the plugin's own folder, each going both ways."""
    package(tmp_path, "psi")
    (tmp_path / "psi_plugin" / "models.py").write_text(MODEL)
    said = author(
        url, tmp_path, "upgrade", "check", "migrate|--plugin|psi|-m|First tables!", "upgrade", "check", "migrate|--plugin|psi|-m|none"
    )
    folder = tmp_path / "psi_plugin" / "migrations"
    [first] = sorted(folder.glob("psi_*.py"))
    assert re.fullmatch(r"psi_\d{8}_1_first_tables\.py", first.name)
    assert [line for line in said if "core_" not in line] == [
        "1 Error: psi: add table psi_thing; run: flask db migrate --plugin psi",
        "psi: add index ix_psi_thing_price; run: flask db migrate --plugin psi",
        f"0 {first}",
        f"0 applied {first.stem.removesuffix('_first_tables')}",
        "0 models and revisions say the same",
        "0 psi: nothing to do, the tables are what the models say",
    ]
    assert "core_" not in first.read_text()
    assert (folder / "HEAD").read_text() == first.stem.removesuffix("_first_tables") + "\n"

    changed = (
        MODEL.replace('server_default="1"', 'server_default="2"').replace("price > 0", "price > 5")
        + "    note: Mapped[str] = mapped_column(Text)\n"
    )
    (tmp_path / "psi_plugin" / "models.py").write_text(changed.replace('"price"), Index', '"cost"), Index'))
    said = author(url, tmp_path, "check", "migrate|--plugin|psi|-m|note", "check", "upgrade", "check", "downgrade|base")
    revision = first.stem.removesuffix("_first_tables")
    second = f"{revision.removesuffix('1')}2"
    assert sorted(re.sub(r"^1 Error: |; run:.*$", "", line) for line in said[:4]) == [
        "psi: add column psi_thing note",
        "psi: add constraint ck_psi_thing_cost",
        "psi: modify default psi_thing.price: 1 -> 2",
        "psi: remove constraint ck_psi_thing_price",
    ]
    assert said[4:8] == [
        f"0 {folder / second}_note.py",
        f"1 Error: psi: the database is at {revision}, not at {second}; run: flask db upgrade --plugin psi",
        f"0 applied {second}",
        "0 models and revisions say the same",
    ]
    assert said[8:10] == [f"0 took back {second}", f"took back {revision}"]


def test_check_names_every_branch_that_is_behind(url: str, tmp_path: Path) -> None:
    """It looks at all of them before it fails."""
    result = runner(small_app(url, [sigma(tmp_path, "omega")]))("check")
    assert result.exit_code == 1
    assert f"core: the database is at nothing, not at {CORE}; run: flask db upgrade --plugin core" in result.output
    assert "omega: the database is at nothing, not at omega_20260101_2" in result.output


def test_documentation_names_every_command_and_no_other(url: str) -> None:
    """The page for plugin authors."""
    page = (Path(__file__).parents[3] / "docs" / "plugins" / "migrations.md").read_text()
    commands = small_app(url).cli.commands["db"].commands  # type: ignore[attr-defined]
    assert set(re.findall(r"flask db (\w+)", page)) == set(commands)
    assert set(re.findall(r"flask plugin (\w+)", page)) == {removal.remove.name, removal.purge.name}
