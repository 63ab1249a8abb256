"""Clients: nobody's, and those of accounts that are signed in."""

from __future__ import annotations

import sys
from datetime import timedelta
from types import ModuleType
from uuid import UUID

import pytest
from flask import Flask, request
from svcs.flask import get_registry

from app.core.auth import verify
from playhall import Sessions
from playhall.testing import AsAccount, Client

SESSIONS = "/api/v1/auth/sessions"


def test_client_reads_problem_documents(client: Client) -> None:
    """And says so when an answer is none."""
    assert client.get(SESSIONS).problem["code"] == "core.unauthenticated"
    with pytest.raises(AssertionError, match="no problem document"):
        _ = client.get("/livez").problem


def test_account_is_signed_in(as_account: AsAccount) -> None:
    """Each call makes another account with a session of its own."""
    one, other = as_account(), as_account()
    assert one.id != other.id
    (session,) = one.get(SESSIONS).json["items"]
    assert session["id"] == str(one.session)
    assert other.delete(f"{SESSIONS}/{one.session}").problem["code"] == "core.not_found"


def test_roles_are_those_that_were_asked_for(app: Flask, as_account: AsAccount) -> None:
    """A player unless said otherwise."""
    with app.app_context():
        assert verify(as_account().token).roles == {"player"}
        assert verify(as_account(roles=["admin", "player"]).token).roles == {"admin", "player"}


def test_token_lives_as_long_as_asked(as_account: AsAccount) -> None:
    """One that has expired is refused."""
    assert as_account(lifetime=timedelta(seconds=-1)).get(SESSIONS).problem["code"] == "core.unauthenticated"


@pytest.mark.parametrize(
    ("given", "sent"), [({}, 36), ({"key": "one"}, 3), ({"key": None}, 0), ({"headers": {"Idempotency-Key": "mine"}}, 4)]
)
def test_post_carries_a_key(app: Flask, as_account: AsAccount, given: dict[str, object], sent: int) -> None:
    """A new one, the one that was given, or none; and what else was given stays."""
    me = as_account()
    with me:
        me.post("/nowhere", **given)
        assert len(request.headers.get("Idempotency-Key", "")) == sent
        assert request.headers["Authorization"] == f"Bearer {me.token}"


def test_other_methods_carry_no_key(as_account: AsAccount) -> None:
    """They are safe to repeat without."""
    with as_account() as me:
        me.get(SESSIONS)
        assert "Idempotency-Key" not in request.headers


def test_word_that_is_no_currency_is_named(as_account: AsAccount) -> None:
    """A slip of the pen is no balance."""
    with pytest.raises(RuntimeError, match="'role' is no currency; there are coin, gem"):
        as_account(role=1)


def test_balance_needs_somebody_who_gives(as_account: AsAccount) -> None:
    """No pretence: what is missing has a name."""
    with pytest.raises(RuntimeError, match=r"app\.economy\.testing is missing"):
        as_account(coin=5)
    assert as_account.made == []


def test_balance_is_given_where_the_economy_can(as_account: AsAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the transaction that makes the account."""
    given: list[tuple[UUID, str, int]] = []
    giver = ModuleType("app.economy.testing")
    giver.give = lambda account, currency, amount: given.append((account, currency, amount))  # type: ignore[attr-defined]
    giver.__spec__ = sys.modules["app.economy"].__spec__
    monkeypatch.setitem(sys.modules, "app.economy.testing", giver)
    rich = as_account(coin=500, gem=3)
    assert given == [(rich.id, "coin", 500), (rich.id, "gem", 3)]


def test_nobody_signs_in_where_nothing_keeps_sessions(app: Flask, as_account: AsAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to enable."""
    monkeypatch.delitem(get_registry(app)._services, Sessions)
    with pytest.raises(RuntimeError, match="add auth to playhall_plugins"):
        as_account()
