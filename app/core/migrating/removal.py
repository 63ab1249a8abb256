"""Leaving: `flask plugin remove` for an installed plugin, `flask plugin purge` for what a package left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.core import registry
from app.core.errors import PluginError
from app.core.migrating.branches import CORE, VERSIONS, Branch, MigrationError, branch_of
from app.core.migrating.db_commands import this_app, told
from app.core.migrating.exclusive import exclusive, patiently, reading
from app.core.migrating.standing import tables
from app.core.migrations import downgrade_branch, refuse_unclear
from app.core.plugin import NAME, Plugin

Found = tuple[str, str]  # kind and name, such as ("TABLE", "loot_drop")

# Deleting the events and jobs of years takes longer than changing a table may.
_TIMEOUT = "10min"

# Relations, functions and types that are no part of another, in an order in which they can be dropped: a view, mostly, is
# older than those that read it.
_OBJECTS = """
SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
       c.oid::regclass::text AS name, c.relname AS plain,
       CASE WHEN c.relkind IN ('v', 'm') THEN 1 WHEN c.relkind = 'S' THEN 3 ELSE 2 END AS turn,
       CASE WHEN c.relkind IN ('v', 'm') THEN -c.oid::bigint ELSE 0 END AS age
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT c.relispartition
   AND c.relnamespace = current_schema()::regnamespace
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
UNION ALL
SELECT 'ROUTINE', p.oid::regprocedure::text, p.proname, 4, 0 FROM pg_proc p
 WHERE p.pronamespace = current_schema()::regnamespace
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'TYPE', t.oid::regtype::text, t.typname, 5, 0 FROM pg_type t
 WHERE t.typtype IN ('e', 'd') AND t.typnamespace = current_schema()::regnamespace
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
ORDER BY turn, age, name
"""


@click.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
@told
def remove(name: str, yes: bool) -> None:
    """Take an installed plugin's tables, events and jobs out of the database."""
    app = this_app()
    _refuse_used(app, name)
    plugin = _installed(name)
    branch = branch_of(plugin)
    with exclusive(app) as connection:
        found = _objects(connection, name)
        _confirm(name, found, yes)
        if branch is not None:
            _downgrade(connection, branch)
        _forget(connection, name)
        left = _objects(connection, name)
    click.echo("\n".join(_farewell(plugin, left)))


@click.command("purge")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
@told
def purge(name: str, yes: bool) -> None:
    """Drop what a plugin left behind whose package is gone."""
    app = this_app()
    if not NAME.fullmatch(name) or name == CORE:
        raise MigrationError(f"{name!r} is no plugin's name")
    if name in registry.available():
        raise MigrationError(f"{name} is installed; its own revisions know best how to leave: flask plugin remove {name}")
    with exclusive(app) as connection:
        found = _objects(connection, name)
        if not found:
            raise MigrationError(f"there is nothing in the database that begins with {name}_")
        _confirm(name, found, yes)
        _forget(connection, name, found)
    click.echo(f"{name} is gone from the database")


leaving = click.Group("leaving", commands=[remove, purge])


def _refuse_used(app: Flask, name: str) -> None:
    if name in (CORE, registry.ECONOMY):
        raise MigrationError(f"{name} is always on and cannot be removed")
    playhall = app.extensions["playhall"]
    enabled: tuple[str, ...] = playhall.settings.plugins
    if name in enabled:
        needing = [plugin.name for plugin in playhall.plugins if name in plugin.requires]
        why = f"{name} is on, and required by {', '.join(needing)}" if needing else f"{name} is on"
        rest = ",".join(one for one in enabled if one not in (name, *needing))
        raise MigrationError(
            f"{why}: without its tables every process that has it would fail. "
            f"Set PLAYHALL_PLUGINS={rest} and restart all of them; then again: flask plugin remove {name}"
        )


def _installed(name: str) -> Plugin:
    try:
        return registry.load(name)
    except PluginError as error:
        raise MigrationError(f"{error}. When its package is gone: flask plugin purge {name}") from error


def _objects(connection: Connection, name: str) -> list[Found]:
    """What in the database carries the plugin's prefix, as (kind, name) in an order in which it can be dropped."""
    with reading(connection) as fetch:
        return [
            (kind, full) for kind, full, plain, _, _ in fetch(_OBJECTS) if plain == f"{VERSIONS}_{name}" or plain.startswith(f"{name}_")
        ]


def _confirm(name: str, found: Sequence[Found], yes: bool) -> None:
    click.echo("\n".join(f"{kind.lower()} {full}" for kind, full in found) or f"{name} has no tables")
    if not yes:
        click.confirm(f"Drop all of {name}, with its rows, events and jobs?", abort=True)


def _downgrade(connection: Connection, branch: Branch) -> None:
    refuse_unclear(connection, [branch])
    downgrade_branch(connection, branch, "base", click.echo)


def _forget(connection: Connection, name: str, dropped: Sequence[Found] = ()) -> None:
    """Drop those and the version table, and delete the plugin's events and jobs: all of it or nothing."""
    with reading(connection) as fetch:
        logged = [table for table in ("core_outbox", "core_job") if table in tables(fetch)]
    statements = [f"SET LOCAL statement_timeout = '{_TIMEOUT}'", *_drops(dropped), f"DROP TABLE IF EXISTS {VERSIONS}_{name}"]
    statements += [f"DELETE FROM {table} WHERE starts_with(name, '{name}.')" for table in logged]  # noqa: S608

    def work() -> None:
        with connection.begin():
            for statement in statements:
                connection.exec_driver_sql(statement)

    try:
        patiently(connection, work, click.echo)
    except DBAPIError as error:
        raise MigrationError(f"{name} is still there: {error.orig}") from error


def _drops(dropped: Sequence[Found]) -> Iterator[str]:
    # Tables that point at each other can only go together.
    for kind, group in groupby(dropped, key=lambda found: found[0]):
        yield f"DROP {kind} {', '.join(name for _, name in group)}"


def _farewell(plugin: Plugin, left: Sequence[Found]) -> Iterator[str]:
    yield f"{plugin.name} is gone from the database."
    if distribution := registry.available()[plugin.name][0].dist:
        yield f"Now: pip uninstall {distribution.name}"
    if left:
        names = ", ".join(name for _, name in left)
        yield f"Its revisions left {names} behind. When the package is uninstalled: flask plugin purge {plugin.name}"
