"""`python -m bench.prepare FILE`: migrate, make signed-in accounts with a row each, and write "account token" lines."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app import create_app
from app.core.auth import issue_access_token
from app.core.db import session, transaction
from app.core.guarding.sessions import Sessions
from app.core.migrations import upgrade
from app.core.models import Account
from app.core.services import get
from bench.plugin.models import Thing

ACCOUNTS = 64


def account(number: int) -> UUID:
    """The id that the scripts for pgbench give account 1, 2, ... too."""
    return UUID(f"01900000-0000-7000-8000-{number:012x}")


def _sign_in() -> list[tuple[UUID, UUID]]:
    ids = [account(number) for number in range(1, ACCOUNTS + 1)]
    session().execute(insert(Account).on_conflict_do_nothing(), [{"id": one} for one in ids])
    rows = [{"account_id": one, "id": one, "note": "the row that is read", "amount": 7} for one in ids]
    session().execute(insert(Thing).on_conflict_do_nothing(), rows)
    return [(one, get(Sessions).open(one)) for one in ids]


def main(file: Path) -> None:
    """Do it."""
    app = create_app()
    upgrade(app, say=lambda *_: None)
    with app.app_context():
        signed_in = transaction(_sign_in)
        tokens = [(who, issue_access_token(who, place, ["player"], timedelta(hours=1))) for who, place in signed_in]
    file.write_text("".join(f"{who} {token}\n" for who, token in tokens))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
