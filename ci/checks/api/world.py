"""The application as the checks of the API use it: limits lifted, demo data loaded, and one account with rows in every table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pkgutil import resolve_name
from typing import Any
from uuid import UUID

from flask import Flask

from app.core.db import Base, db, transaction
from app.core.guarding.sessions import Sessions
from app.core.services import get
from app.core.state import Playhall
from app.core.tables import ACCOUNT, owner_of
from app.core.web.json import loads
from app.core.web.openapi import text
from playhall.testing.accounts import Client, SignedIn, make_account
from playhall.testing.rows import Refused, fill, rows
from playhall.testing.samples import Row, given

from .calls import Examples, Target, send, targets

Rows = Mapping[str, Sequence[Row]]


class World:
    """An application over empty tables, seen by the plugins of these names."""

    def __init__(self, app: Flask, names: Sequence[str], options: Mapping[str, str] | None = None) -> None:
        self.app, self.names, self.options = app, names, options or {}
        self.playhall: Playhall = app.extensions["playhall"]
        with app.app_context():
            self.document: dict[str, Any] = loads(text())
        self.examples = Examples(self.document, self.found, self.options)
        self.refused: dict[str, Refused] | None = None  # what took no row, by table
        self._rows: Rows = {}

    @cached_property
    def targets(self) -> list[Target]:
        """The operations under test."""
        return [target for target in targets(self.app, self.names, self.document) if target.promise]

    @cached_property
    def account(self) -> UUID:
        """Whose rows are there. It is the first account of all, so that what is filled in belongs to it."""
        with self.app.app_context():
            account = transaction(make_account)
            for plugin in self.playhall.plugins:
                if plugin.demo:
                    transaction(resolve_name(plugin.demo))
        return account

    def fill(self) -> None:
        """Add rows of the account to every table under test."""
        assert self.account, "it has to be there before its rows"
        samples = {column: value for name in self.names for column, value in given(name).items()}
        with self.app.app_context(), db.engine.connect() as connection:
            refused = fill(connection, samples, self._ours)
        if self.refused is None:  # later a row may be refused because the like of it is there
            self.refused = {table: why for table, why in refused.items() if not why.twice}
        self.look()

    def live(self) -> None:
        """Have the application make rows itself, by every POST: one that is filled in may be what it would never have stored."""
        assert self.account, "with the demo data"
        for target in self.targets:
            if target.method == "POST":
                send(self.caller(target), target, next(self.examples.of(target)))
        self.look()

    def look(self) -> Rows:
        """Every row of every table, as JSON."""
        with self.app.app_context(), db.engine.connect() as connection:
            self._rows = rows(connection)
        return self._rows

    def client(self, account: UUID | None = None, roles: Iterable[str] | None = None) -> SignedIn:
        """Signed in anew: the account that has rows, unless another is named, with every role, unless some are."""
        account = account or self.account
        with self.app.app_context():
            session = transaction(lambda: get(Sessions).open(account))
        return SignedIn(self.app, account, session, self.roles if roles is None else roles).sign_in_again()

    def caller(self, target: Target) -> Client:
        """Somebody who may call it."""
        return Client(self.app) if target.public else self.client()

    def another(self) -> UUID:
        """A new account without rows."""
        with self.app.app_context():
            return transaction(make_account)

    @property
    def roles(self) -> frozenset[str]:
        """Every role that some permission names."""
        return frozenset(role for permission in self.playhall.permissions.values() for role in permission.roles)

    def _ours(self, table: str) -> bool:
        return owner_of(table) in self.names and table != ACCOUNT

    def found(self, owner: str, name: str) -> list[str]:
        """The ids of the account's and the shared rows of `<plugin>_<name>`, of the plugin itself or of another."""
        if name == "account":
            return [str(self.account)]
        plugin = next((one for one in self.playhall.plugins if one.name == owner), None)
        for one in (owner, *(plugin.requires if plugin else ()), *self.names):
            table = Base.metadata.tables.get(f"{one}_{name}")
            if table is not None:
                key = [column.name for column in table.primary_key.columns if column.name != "account_id"][-1]
                own = str(self.account)
                return [str(row[key]) for row in self._rows.get(table.name, ()) if row.get("account_id", own) == own]
        return []
