"""`flask plugin` answers whatever the application's state; `flask demo load` fills an empty game."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from booting import boot, install, manifest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import text

from app.core import cli
from app.core.cli import plugin
from app.core.db import db


def flask(folder: Path, plugins: str, *arguments: str) -> tuple[int, str]:
    """Exit code and everything printed by a flask command in a process of its own."""
    done = boot(
        folder, plugins, code=f"import sys; sys.argv = ['flask', *{arguments!r}]; from flask.cli import main; main()", FLASK_APP="wsgi"
    )
    return done.returncode, done.stdout + done.stderr


def test_list_shows_what_is_on_and_off(tmp_path: Path) -> None:
    """An installed plugin that is not enabled is listed as off, without being imported."""
    install(tmp_path, "loot", {"__init__.py": "raise RuntimeError('imported')"}, version="3.2.1")
    install(tmp_path, "twin", {}, package="twin_one")
    install(tmp_path, "twin", {}, package="twin_two")
    code, said = flask(tmp_path, "shop", "plugin", "list")
    assert code == 0, said
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines()}
    assert rows["loot"] == ["3.2.1", "off", "loot_plugin:plugin"]
    assert rows["twin"][:2] == ["-", "off"]
    assert rows["gacha"][:2] == [version("playhall"), "off"]
    assert rows["shop"][1] == "on"
    assert rows["economy"][1] == "on"


def test_version_of_a_built_in_where_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout that is only on the path has no distribution to ask."""

    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(cli, "version", absent)
    monkeypatch.setenv("PLAYHALL_PLUGINS", "shop")
    done = CliRunner().invoke(plugin, ["list"])
    assert [line.split()[1:3] for line in done.output.splitlines() if line.startswith("gacha ")] == [["-", "off"]]


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (["run"], "make run"),
        (["run", "--port", "x"], "make run"),
        (["limiter"], "PLAYHALL_LIMITS"),
        (["limiter", "limits"], "PLAYHALL_LIMITS"),
    ],
)
def test_commands_that_would_mislead_say_what_to_do_instead(tmp_path: Path, words: list[str], instead: str) -> None:
    """Flask's server, and the commands of the limiter that does not count here; whatever their arguments."""
    code, said = flask(tmp_path, "shop", *words)
    assert (code, said.count("\n")) == (1, 1), said
    assert instead in said


def test_commands_that_would_mislead_are_not_shown(tmp_path: Path) -> None:
    """Ours are."""
    code, said = flask(tmp_path, "shop", "--help")
    assert code == 0, said
    shown = {line.split()[0] for line in said.partition("Commands:")[2].splitlines() if line.strip()}
    assert {"run", "limiter"} & shown == set()
    assert {"doctor", "plugin", "worker"} <= shown


def test_info_shows_the_manifest(tmp_path: Path) -> None:
    """Everything that a plugin adds, without enabling it."""
    source = """
        from playhall import Job, Permission, Plugin, Subscription
        plugin = Plugin(name="loot", version="1.2.0", requires={"shop": ">=1"}, uses=frozenset({"auth"}),
            permissions=[Permission(name="loot:drop", description="Drop", roles=("player",)), Permission(name="loot:see", description="See")],
            limits={"loot.drop": "1/minute"}, jobs=[Job(name="loot.tally", run="a:b", cron="0 4 * * *")],
            subscriptions=[Subscription(event="shop.sold.v1", job="loot.tally")])
    """
    install(tmp_path, "loot", {"__init__.py": source})
    code, said = flask(tmp_path, "shop", "plugin", "info", "loot")
    assert code == 0, said
    facts = {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in said.splitlines()}
    assert facts == {
        "name": "loot",
        "version": "1.2.0",
        "plugin API": ">=1.0,<2",
        "requires": "shop >=1",
        "uses": "auth",
        "permissions": "loot:drop (player), loot:see (no role)",
        "limits": "loot.drop 1/minute",
        "jobs": "loot.tally (0 4 * * *)",
        "subscriptions": "shop.sold.v1 -> loot.tally",
    }


def test_info_of_what_is_not_installed() -> None:
    """The name is in the message, and there is no traceback."""
    done = CliRunner().invoke(plugin, ["info", "nowhere"])
    assert done.exit_code == 1
    assert "'nowhere' is not installed" in done.output


def test_check_says_that_all_is_well(tmp_path: Path) -> None:
    """The plugins that boot are named."""
    assert flask(tmp_path, "shop", "plugin", "check") == (0, "All is well: economy, shop\n")


def test_check_lists_what_is_wrong(tmp_path: Path) -> None:
    """It works although the application cannot boot, and fails with the same report."""
    install(tmp_path, "loot", {"__init__.py": manifest("loot", requires={"zoo": ">=1"})})
    code, said = flask(tmp_path, "loot,shopp", "plugin", "check")
    assert code == 1
    assert "did you mean 'shop'?" in said
    assert "loot requires zoo >=1" in said
    assert "Traceback" not in said


def test_check_lists_wrong_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are part of what can be wrong."""
    monkeypatch.setenv("PLAYHALL_SLOW_REQUEST_MS", "slow")
    done = CliRunner().invoke(plugin, ["check"])
    assert done.exit_code == 1
    assert "PLAYHALL_SLOW_REQUEST_MS" in done.output


def test_list_with_wrong_selection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that cannot be read is named."""
    monkeypatch.setenv("PLAYHALL_SAFE_MODE", "perhaps")
    done = CliRunner().invoke(plugin, ["list"])
    assert done.exit_code == 1
    assert "PLAYHALL_SAFE_MODE" in done.output


def test_demo_is_safe_to_repeat(app: Flask) -> None:
    """Loading it twice is loading it once."""
    counts = []
    for _ in range(2):
        done = app.test_cli_runner().invoke(args=["demo", "load"])
        assert done.exit_code == 0, done.output
        with app.app_context():
            counts.append(
                [db.session.scalar(text(f"SELECT count(*) FROM {table}")) for table in ("economy_item", "shop_product", "gacha_banner")]
            )
    assert counts[0] == counts[1]
    assert all(counts[0])


def test_demo_is_refused_in_production(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real players never meet it."""
    monkeypatch.setattr(type(app.extensions["playhall"].settings), "production", True)
    done = app.test_cli_runner().invoke(args=["demo", "load"])
    assert done.exit_code == 1
    assert "not loaded in production" in done.output


@pytest.mark.parametrize(("imported", "spared"), [("app.embedded.__main__", "app.core"), ("wsgi", "alembic")])
def test_process_imports_only_what_it_needs(tmp_path: Path, imported: str, spared: str) -> None:
    """What starts the servers does not import the application; the application imports Alembic when somebody asks about revisions."""
    done = boot(tmp_path, "shop", code=f"import sys, {imported}; print({spared!r} in sys.modules)")
    assert done.stdout.endswith("False\n"), done.stderr
