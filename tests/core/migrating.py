"""What the tests of migrations share: scratch databases, small applications, revision folders."""

from __future__ import annotations

import importlib
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psycopg
from flask import Flask
from psycopg import sql
from sqlalchemy import NullPool, make_url

from app.core.db import db
from app.core.migrating import db_commands
from app.core.migrating.branches import Branch
from app.core.plugin import Plugin

REVISION = '''"""{doc}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}
{declared}

def upgrade() -> None:
{up}


def downgrade() -> None:
{down_body}
'''


@contextmanager
def scratch(url: str, template: str | None = None) -> Iterator[str]:
    """A database of its own on the same server, empty or a copy of another; its address."""
    name = f"scratch_{uuid.uuid4().hex[:12]}_test"
    with psycopg.connect(url, autocommit=True) as connection:
        original = (make_url(template).database if template else None) or "template1"
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(original)))
        try:
            yield make_url(url).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def small_app(url: str, plugins: Sequence[Plugin] = ()) -> Flask:
    """An application with nothing but a database and those plugins' branches."""
    app = Flask(__name__)
    app.config.update(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_ENGINE_OPTIONS={"poolclass": NullPool})
    db.init_app(app)
    names = tuple(plugin.name for plugin in plugins)
    app.extensions["playhall"] = SimpleNamespace(plugins=tuple(plugins), settings=SimpleNamespace(plugins=names))
    app.cli.add_command(db_commands.db_group)
    return app


def body(text: str) -> str:
    """The statements of a function, from SQL or Python; `pass` when there are none."""
    if text and not text.startswith(("op.", "raise")):
        text = f"op.execute({text!r})"
    return "\n".join(f"    {line}" for line in text.splitlines()) or "    pass"


def write(folder: Path, name: str, number: int, up: str, down: str, declared: str = "") -> str:
    """Write the n-th revision of a branch; its id. `up` and `down` are SQL, or Python when they begin with op."""
    folder.mkdir(parents=True, exist_ok=True)
    revision, before = (f"{name}_20260101_{n}" for n in (number, number - 1))
    parent = f'"{before}"' if number > 1 else None
    text = REVISION.format(doc=f"Number {number}", revision=revision, down=parent, declared=declared, up=body(up), down_body=body(down))
    (folder / f"{revision}_n.py").write_text(text)
    return revision


def branch(folder: Path, name: str = "loot") -> Branch:
    """A branch over a folder of revisions."""
    folder.mkdir(parents=True, exist_ok=True)
    return Branch(name, folder)


def package(folder: Path, name: str, **more: object) -> Plugin:
    """An importable plugin package `<name>_plugin` in that folder, with an empty migrations package."""
    migrations_folder = folder / f"{name}_plugin" / "migrations"
    migrations_folder.mkdir(parents=True)
    for each in (migrations_folder, migrations_folder.parent):
        (each / "__init__.py").touch()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return Plugin(name=name, version="1.0.0", migrations=f"{name}_plugin.migrations", **more)  # type: ignore[arg-type]


def asked(url: str, query: str) -> list[tuple[object, ...]]:
    """The rows of a query, on a connection of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def at(url: str, table: str = "alembic_version_loot") -> list[object]:
    """What a version table says."""
    return [row[0] for row in asked(url, f"SELECT version_num FROM {table}")]
