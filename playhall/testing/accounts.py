"""Clients: nobody's, and those of accounts that are signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import svcs
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core.auth import issue_access_token
from app.core.db import session, transaction, uuid7
from app.core.guarding.sessions import Sessions
from app.core.idempotency import HEADER
from app.core.models import Account
from app.core.services import get
from app.core.state import settings
from app.core.web.problems import MEDIA_TYPE
from app.economy.settings import EconomySettings

MakeAccount = Callable[[], UUID]

LIFETIME = timedelta(minutes=10)
_GIVER = "app.economy.testing"  # give(account: UUID, currency: str, amount: int), in the transaction under way


class Answer(TestResponse):
    """An answer; `json` is its document."""

    if TYPE_CHECKING:

        @property
        def json(self) -> Any: ...

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document; an AssertionError when it is none."""
        assert self.content_type == MEDIA_TYPE, f"{self.status} is no problem document but {self.content_type}: {self.text[:500]}"
        document: dict[str, Any] = self.get_json()
        return document


class Client(FlaskClient):
    """A client that is not signed in. Its answers have `json` and `problem`."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app, app.response_class, use_cookies=True)
        self.response_wrapper = type("Answer", (Answer, self.response_wrapper), {})

    if TYPE_CHECKING:
        # For authors' type checkers: what comes back is an Answer, whose document may be looked into.
        def get(self, *args: Any, **options: Any) -> Answer: ...
        def post(self, *args: Any, **options: Any) -> Answer: ...
        def put(self, *args: Any, **options: Any) -> Answer: ...
        def patch(self, *args: Any, **options: Any) -> Answer: ...
        def delete(self, *args: Any, **options: Any) -> Answer: ...


class SignedIn(Client):
    """A client of an account that is signed in.

    Each POST carries a new Idempotency-Key, as a frontend's would. `key="one"` sends that one, `key=None` none.
    """

    def __init__(self, app: Flask, account: UUID, session_id: UUID, roles: Iterable[str]) -> None:
        super().__init__(app)
        self.id, self.session, self.roles, self.token = account, session_id, frozenset(roles), ""

    def sign_in_again(self, lifetime: timedelta = LIFETIME) -> Self:
        """The same client, in the same session, with a new token."""
        with self.application.app_context():
            self.token = issue_access_token(self.id, self.session, self.roles, lifetime)
        return self

    @property
    def headers(self) -> dict[str, str]:
        """What its requests carry."""
        return {"Authorization": f"Bearer {self.token}"}

    def open(self, *args: Any, key: str | None = "", **options: Any) -> TestResponse:
        """Send a request as this account."""
        headers = dict(options.pop("headers", None) or {})
        if key is not None and (key or options.get("method") == "POST"):
            headers.setdefault(HEADER, key or str(uuid7()))
        return super().open(*args, headers={**self.headers, **headers}, **options)


class AsAccount:
    """Makes accounts that are signed in."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.made: list[SignedIn] = []

    def __call__(self, roles: Iterable[str] = ("player",), *, lifetime: timedelta = LIFETIME, **balances: int) -> SignedIn:
        """A client of a new account with these roles and balances: `as_account()`, `as_account(roles=["admin"], coin=500)`.

        Raises RuntimeError when no enabled plugin keeps sessions, or when nothing here can give a balance.
        """
        with self._app.app_context():
            account, session_id = transaction(lambda: _make(balances))
        client = SignedIn(self._app, account, session_id, roles).sign_in_again(lifetime)
        self.made.append(client)
        return client


def make_account() -> UUID:
    """A new account, in the transaction under way."""
    account = Account()
    session().add(account)
    session().flush()
    return account.id


def _make(balances: dict[str, int]) -> tuple[UUID, UUID]:
    account = make_account()
    for currency, amount in balances.items():
        _give(account, currency, amount)
    try:
        return account, get(Sessions).open(account)
    except svcs.exceptions.ServiceNotFoundError as error:
        raise RuntimeError(
            "nobody can sign in: no enabled plugin keeps sessions; add auth to playhall_plugins in your setup.cfg"
        ) from error


def _give(account: UUID, currency: str, amount: int) -> None:
    known = settings(EconomySettings).currencies
    if currency not in known:
        raise RuntimeError(f"as_account({currency}=...): {currency!r} is no currency; there are {', '.join(known)}")
    if find_spec(_GIVER) is None:
        raise RuntimeError(
            f"as_account({currency}={amount}): this economy keeps no balances yet ({_GIVER} is missing); leave {currency} out"
        )
    import_module(_GIVER).give(account, currency, amount)
