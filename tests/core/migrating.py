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
from sqlalchemy import make_url

from app.core import migrations
from app.core.branches import Branch
from app.core.db import db
from app.core.db_commands import db_group
from app.core.plugin import Plugin

REVISION = '''"""{doc}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down!r}
{declared}

def upgrade() -> None:
{up}


def downgrade() -> None:
{down_body}
'''


@contextmanager
def scratch(url: str) -> Iterator[str]:
    """A database of its own on the same server; its address."""
    name = f"scratch_{uuid.uuid4().hex[:12]}_test"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_url(url).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def small_app(url: str, plugins: Sequence[Plugin] = (), installed: Sequence[Plugin] = ()) -> Flask:
    """An application with nothing but a database and those plugins' branches."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    app.extensions["playhall"] = SimpleNamespace(plugins=tuple(plugins))
    migrations.init_app(app)
    app.cli.add_command(db_group)
    return app


def indented(body: str) -> str:
    """The statements of a function; `pass` when there are none."""
    return "\n".join(f"    {line}" for line in body.strip().splitlines()) or "    pass"


def write(folder: Path, name: str, number: int, up: str, down: str, declared: str = "") -> str:
    """Write the n-th revision of a branch; its id. `up` and `down` are SQL, or Python when they begin with op."""
    folder.mkdir(parents=True, exist_ok=True)
    revision, before = (f"{name}_20260101_{n}" for n in (number, number - 1))
    bodies = [indented(body if body.startswith(("op.", "raise", "import")) else f"op.execute({body!r})" if body else "") for body in (up, down)]
    text = REVISION.format(
        doc=f"Number {number}", revision=revision, down=before if number > 1 else None, declared=declared, up=bodies[0], down_body=bodies[1]
    )
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
