"""`flask plugin`, `flask db` and `flask demo`. The plugin group also answers when the application cannot boot."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext

from app.core import wiring
from app.core.db import transaction
from app.core.errors import PluginError
from app.core.operating import plugin_gates
from app.core.plugin import Plugin
from app.core.registry import ECONOMY, available, load
from app.core.settings import Selection, SettingsError, read
from app.core.state import state
from app.scaffold.command import new


def init_app(app: Flask) -> None:
    """Register the commands that need the application; `plugin` is found by its entry point."""
    app.cli.add_command(demo)
    app.cli.add_command(db)


class LateGroup(click.Group):
    """A group that also has the commands of the group named by `late`, imported when they are asked for.

    They need Alembic, which takes as long to import as half of the application, and no server needs it.
    """

    def __init__(self, *args: Any, late: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._late = late

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted([*super().list_commands(ctx), *self._rest().commands])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name, or None."""
        return super().get_command(ctx, name) or self._rest().get_command(ctx, name)

    def _rest(self) -> click.Group:
        group: click.Group = resolve_name(self._late)
        return group


db = LateGroup("db", late="app.core.migrating.db_commands:db_group", help="Bring the database to what the code needs, and back.")


@click.group(cls=LateGroup, late="app.core.migrating.removal:leaving")
def plugin() -> None:
    """Write, list, show, check and remove plugins."""


plugin.add_command(new)


@plugin.command("list")
def list_plugins() -> None:
    """List every installed plugin: what is on, and where it comes from."""
    enabled = {ECONOMY, *_selection().plugins}
    rows = [("NAME", "VERSION", "STATE", "FROM")]
    for name, entries in sorted(available().items()):
        on = name in enabled
        rows.append((name, _version(name, entries, on=on), "on" if on else "off", " and ".join(entry.value for entry in entries)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@plugin.command()
@click.argument("name")
def info(name: str) -> None:
    """Show what a plugin adds, from its manifest alone."""
    shown = _loaded(name)
    for label, value in _facts(shown):
        click.echo(f"{label + ':':15}{value}")


@plugin.command()
@click.argument("name", required=False)
def check(name: str | None) -> None:
    """Boot everything that is enabled, and print what is wrong; with NAME: run that plugin's gates, in its own folder.

    The exit code is 1 when something is wrong.
    """
    from app import create_app  # the command is loaded without the application

    if name:
        sys.exit(plugin_gates.check(_loaded(name).name, Path.cwd()))
    try:
        app = create_app()
    except (PluginError, SettingsError) as error:
        raise click.ClickException(str(error)) from error
    names = ", ".join(one.name for one in app.extensions["playhall"].plugins)
    click.echo(f"All is well: {names}")


@click.group()
def demo() -> None:
    """The demo data."""


@demo.command("load")
@with_appcontext
def load_demo() -> None:
    """Load every plugin's part of the demo data. Safe to repeat; refused in production."""
    if state().settings.production:
        raise click.ClickException("the demo data is for development; it is not loaded in production")
    for name, part in wiring.parts(state(), "demo"):
        transaction(part)
        click.echo(f"demo data of {name} is there")


def _selection() -> Selection:
    try:
        selection: Selection = read({"PLAYHALL_": Selection})["PLAYHALL_"]
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    return selection


def _version(name: str, entries: Sequence[EntryPoint], *, on: bool) -> str:
    """The plugin's own; of one that is off its distribution's, because it is not imported."""
    if len(entries) > 1:
        return "-"
    if on:
        return _loaded(name).version
    try:
        return entries[0].dist.version if entries[0].dist else version("playhall")
    except PackageNotFoundError:
        return "-"


def _loaded(name: str) -> Plugin:
    try:
        return load(name)
    except PluginError as error:
        raise click.ClickException(str(error)) from error


def _facts(plugin: Plugin) -> list[tuple[str, str]]:
    facts = [
        ("name", plugin.name),
        ("version", plugin.version),
        ("plugin API", plugin.api),
        ("requires", ", ".join(f"{name} {versions}" for name, versions in plugin.requires.items())),
        ("uses", ", ".join(sorted(plugin.uses))),
        ("provides", ", ".join(plugin.provides)),
        ("needs", ", ".join(plugin.needs)),
        ("permissions", ", ".join(f"{one.name} ({', '.join(one.roles) or 'no role'})" for one in plugin.permissions)),
        ("limits", ", ".join(f"{name} {rate}" for name, rate in plugin.limits.items())),
        ("jobs", ", ".join(job.name + (f" ({job.cron})" if job.cron else "") for job in plugin.jobs)),
        ("subscriptions", ", ".join(f"{one.event} -> {one.job}" for one in plugin.subscriptions)),
        ("events", ", ".join(plugin.events)),
        ("problems", "; ".join(plugin.problems())),
    ]
    return [(label, value) for label, value in facts if value]
