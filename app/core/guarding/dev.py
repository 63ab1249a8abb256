"""`flask dev`: what helps on a developer's machine and is refused in production."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy.dialects.postgresql import insert

from app.core.auth import issue_access_token
from app.core.db import session, transaction
from app.core.guarding.sessions import Sessions
from app.core.models import Account
from app.core.services import get
from app.core.state import state

DEMO_ACCOUNT = UUID("01900000-0000-7000-8000-000000000001")
LIFETIME = timedelta(hours=24)

group = AppGroup("dev", help="Help for developers; refused in production.")


def init_app(app: Flask) -> None:
    """Add `flask dev`."""
    app.cli.add_command(group)


@group.command("token")
@click.option("--role", "roles", multiple=True, default=["player"], show_default=True, help="A role of the token; may be repeated.")
def token(roles: tuple[str, ...]) -> None:
    """Print an access token for the demo account. It lasts a day, in a session of its own."""
    if state().settings.production:
        raise click.ClickException("this is production: sign in instead, tokens are not handed out on the command line")
    session_id = transaction(_open)
    click.echo(issue_access_token(DEMO_ACCOUNT, session_id, roles, LIFETIME))


def _open() -> UUID:
    session().execute(insert(Account).values(id=DEMO_ACCOUNT).on_conflict_do_nothing())
    return get(Sessions).open(DEMO_ACCOUNT)
