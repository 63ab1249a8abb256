"""`flask db`: the migrations of every branch, or of one with --plugin. Flask-Migrate's own group is not registered."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from app.core import migrations
from app.core.migrating import drift
from app.core.migrating.branches import Branch, MigrationError, branches, find_branch
from app.core.migrating.exclusive import connected

P = ParamSpec("P")
R = TypeVar("R")

db_group = AppGroup("db", help="Bring the database to what the code needs, and back.")

# A relative revision such as -1 is an argument, not an option.
_RELATIVE = {"ignore_unknown_options": True}


def told(command: Callable[P, R]) -> Callable[P, R]:
    """Show a MigrationError as the command's message, without a traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except MigrationError as error:
            raise click.ClickException(str(error)) from error

    return wrapped


def this_app() -> Flask:
    """The application itself, not the proxy for it."""
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]


def _plugin(*, required: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    text = "Only this plugin, which may be disabled; 'core' is the core."
    return click.option("--plugin", "name", required=required, metavar="NAME", help=text)


def _chosen(name: str | None) -> Branch | None:
    return None if name is None else find_branch(this_app(), name)


def _each(name: str | None) -> list[Branch]:
    only = _chosen(name)
    return branches(this_app()) if only is None else [only]


@db_group.command("upgrade", context_settings=_RELATIVE)
@_plugin()
@click.argument("revision", default="head")
@told
def upgrade(name: str | None, revision: str) -> None:
    """Apply the revisions that the database does not have yet."""
    if name is None and revision != "head":
        raise click.UsageError("a revision belongs to one plugin: add --plugin NAME")
    migrations.upgrade(this_app(), _chosen(name), revision, click.echo)


@db_group.command("downgrade", context_settings=_RELATIVE)
@_plugin()
@click.argument("revision", default="-1")
@told
def downgrade(name: str | None, revision: str) -> None:
    """Take revisions back: one, down to a given one, or all with 'base'."""
    if name is None and revision != "base":
        raise click.UsageError("add --plugin NAME, or take everything back with: flask db downgrade base")
    migrations.downgrade(this_app(), _chosen(name), revision, click.echo)


@db_group.command("current")
@_plugin()
@told
def current(name: str | None) -> None:
    """Say which revision the database is at."""
    with connected(this_app()) as connection:
        for branch in _each(name):
            at = migrations.current(connection, branch)
            head = next(iter(branch.revisions()), None)
            click.echo(f"{branch.name} {at or '-'}{' (head)' if at == head else ''}")


@db_group.command("heads")
@_plugin()
@told
def heads(name: str | None) -> None:
    """Say which revision the code is at."""
    for branch in _each(name):
        click.echo(f"{branch.name} {next(iter(branch.revisions()), '-')}")


@db_group.command("history")
@_plugin()
@told
def history(name: str | None) -> None:
    """List every revision, newest first."""
    for branch in _each(name):
        for script in branch.scripts():
            click.echo(f"{branch.name} {script.revision} {script.doc}")


@db_group.command("check")
@_plugin()
@told
def check(name: str | None) -> None:
    """Fail when the models and the revisions do not say the same."""
    if found := drift.check(this_app(), _chosen(name)):
        raise MigrationError("\n".join(found))
    click.echo("models and revisions say the same")


@db_group.command("migrate")
@_plugin(required=True)
@click.option("-m", "--message", required=True, help="What it changes, in a few words; becomes part of the file's name.")
@told
def migrate(name: str, message: str) -> None:
    """Write a revision from the difference between the models and the database. Read it before you keep it."""
    path = drift.autogenerate(this_app(), find_branch(this_app(), name), message)
    click.echo(path or f"{name}: nothing to do, the tables are what the models say")


@db_group.command("stamp")
@_plugin(required=True)
@click.argument("revision")
@told
def stamp(name: str, revision: str) -> None:
    """Write down the revision that the tables are at, after that row was lost. Changes nothing else."""
    migrations.stamp(this_app(), find_branch(this_app(), name), revision)
    click.echo(f"{name} is at {revision}")
