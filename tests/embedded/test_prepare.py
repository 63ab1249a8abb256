"""What a database needs before the first request."""

import click
import pytest
from flask import Flask
from flask.cli import ScriptInfo

from app.embedded.prepare import prepare


def application(said: list[str], *, broken: bool) -> Flask:
    """An application whose commands say that they ran."""
    made = Flask(__name__)
    said.append("boot")

    @made.cli.group()
    def db() -> None: ...

    @db.command()
    def upgrade() -> None:
        said.append("upgrade")
        if broken:
            raise click.ClickException("no such table")

    @made.cli.group()
    def demo() -> None: ...

    @demo.command()
    def load() -> None:
        said.append("load")

    return made


def test_one_boot_migrates_and_loads_the_demo() -> None:
    """Both commands run, in this order, in one application."""
    said: list[str] = []
    assert prepare(ScriptInfo(create_app=lambda: application(said, broken=False))) == 0
    assert said == ["boot", "upgrade", "load"]


def test_failed_step_is_named_and_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    """After a failed migration nothing is loaded, and the message names the command."""
    said: list[str] = []
    assert prepare(ScriptInfo(create_app=lambda: application(said, broken=True))) == 1
    assert said == ["boot", "upgrade"]
    assert "no such table" in (message := capsys.readouterr().err)
    assert "`flask db upgrade` failed" in message
