"""Migrating: every branch in load order, one transaction per revision, one process at a time. The web process never does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from flask import Flask
from flask_migrate import Migrate
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.core.migrating.branches import CORE, Branch, MigrationError, branches, script_folder
from app.core.migrating.exclusive import Say, exclusive, patiently, reading
from app.core.migrating.revisions import RevisionFailed
from app.core.migrating.standing import owner, tables, versions

log = logging.getLogger(__name__)

_branch: ContextVar[Branch] = ContextVar("branch")
# ConfigParser, which Alembic keeps its options in, reads a percent sign as the start of a name.
migrate = Migrate(directory=str(script_folder()).replace("%", "%%"))


@migrate.configure  # type: ignore[untyped-decorator]
def _point_at_branch(config: Config) -> Config:
    branch = _branch.get()
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(branch.folder).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["branch"] = branch
    assert config.cmd_opts is not None
    config.cmd_opts.quiet = True  # the commands say themselves what was done
    return config


def upgrade(app: Flask, only: Branch | None = None, revision: str = "head", say: Say = log.info) -> None:
    """Bring every branch, in load order, or only this one, up to the revision."""
    chosen = branches(app) if only is None else [only]
    with exclusive(app) as connection:
        refuse_unclear(connection, chosen)
        for branch in chosen:
            upgrade_branch(connection, branch, revision, say)


def downgrade(app: Flask, only: Branch | None = None, revision: str = "base", say: Say = log.info) -> None:
    """Take every branch back to nothing, last loaded first, or only this one back to the revision."""
    order = branches(app)
    chosen = list(reversed(order)) if only is None else [only]
    with exclusive(app) as connection:
        refuse_unclear(connection, chosen)
        if revision == "base":
            _refuse_needed(connection, chosen, order)
        for branch in chosen:
            downgrade_branch(connection, branch, revision, say)


def upgrade_branch(connection: Connection, branch: Branch, revision: str = "head", say: Say = log.info) -> None:
    """Upgrade one branch on a connection that `exclusive` gave."""
    _make_version_table(connection, branch)
    _move(connection, branch, lambda config: command.upgrade(config, revision), say)


def downgrade_branch(connection: Connection, branch: Branch, revision: str, say: Say = log.info) -> None:
    """Downgrade one branch on a connection that `exclusive` gave."""
    if current(connection, branch) is not None:
        _move(connection, branch, lambda config: command.downgrade(config, revision), say)


def stamp(app: Flask, branch: Branch, revision: str) -> None:
    """Write down which revision the tables are at, after the row was lost. Nothing else is changed."""
    if revision not in branch.revisions():
        raise MigrationError(f"{branch.name} has no revision {revision}; it has {', '.join(branch.revisions()) or 'none'}")
    with exclusive(app) as connection:
        _make_version_table(connection, branch)
        with alembic_config(connection, branch) as config:
            command.stamp(config, revision)


def current(connection: Connection, branch: Branch) -> str | None:
    """The revision that the database says this branch is at."""
    with reading(connection) as fetch:
        return versions(fetch, tables(fetch)).get(branch.version_table)


def refuse_unclear(connection: Connection, chosen: Sequence[Branch]) -> None:
    """Raise one MigrationError that names every branch of which the database does not say a revision that we know."""
    with reading(connection) as fetch:
        found = tables(fetch)
        said = versions(fetch, found)
    problems = [problem for branch in chosen if (problem := _unclear(branch, said.get(branch.version_table), found))]
    if problems:
        raise MigrationError("\n".join(problems))


def _unclear(branch: Branch, at: str | None, found: Sequence[str]) -> str | None:
    known, own = branch.revisions(), [table for table in found if branch.owns(table)]
    if at is None and own:
        return (
            f"{branch.name}: there are tables ({', '.join(own)}), but {branch.version_table} does not say which revision made them. "
            f"Restore that row from a backup; or, when you are sure of the revision: flask db stamp --plugin {branch.name} REVISION"
        )
    if at is not None and at not in known:
        return f"{branch.name}: the database is at {at}, which the installed code does not have. Install the version that has it."
    return None


def _refuse_needed(connection: Connection, chosen: Sequence[Branch], order: Sequence[Branch]) -> None:
    """Nothing may be left behind that needs what is about to go: neither a plugin's tables nor a foreign key."""
    with reading(connection) as fetch:
        said = versions(fetch, tables(fetch))
        keys = fetch(
            "SELECT a.relname, b.relname FROM pg_constraint JOIN pg_class a ON a.oid = conrelid "
            "JOIN pg_class b ON b.oid = confrelid WHERE contype = 'f'"
        )
    names = {branch.name for branch in chosen}
    for branch in order:
        needed = names & {CORE, *branch.requires}
        if branch.name not in names and needed and said.get(branch.version_table):
            raise MigrationError(f"{branch.name} needs {', '.join(sorted(needed))}; first: flask db downgrade base --plugin {branch.name}")
    for table, target in keys:
        if owner(target) in names and owner(table) not in names:
            raise MigrationError(f"{table} points at {target}; remove its plugin first: flask plugin remove {owner(table)} (or purge)")


def _make_version_table(connection: Connection, branch: Branch) -> None:
    # Alembic's own is 32 characters wide, which is less than a plugin's longest name and a date.
    table = branch.version_table
    connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {table} (version_num TEXT, CONSTRAINT {table}_pkc PRIMARY KEY (version_num))")
    connection.commit()


def _move(connection: Connection, branch: Branch, run: Callable[[Config], None], say: Say) -> None:
    def once() -> None:
        with alembic_config(connection, branch, say) as config:
            run(config)

    try:
        patiently(connection, once, say)
    except RevisionFailed as error:
        raise MigrationError(f"{error.revision} failed and is not applied; what came before it stays. {error.advice()}") from error
    except (CommandError, DBAPIError) as error:
        raise MigrationError(f"{branch.name}: {error}") from error


@contextmanager
def alembic_config(connection: Connection, branch: Branch, say: Say = log.info) -> Iterator[Config]:
    """What Alembic's commands take, pointed at one branch."""
    token = _branch.set(branch)
    try:
        config = migrate.get_config()
        config.attributes.update(connection=connection, say=say)
        yield config
    finally:
        _branch.reset(token)
        connection.rollback()
