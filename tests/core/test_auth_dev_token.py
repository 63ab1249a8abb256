"""`flask dev token`: one command from a fresh machine to a first authenticated call."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from guarding import guarded, guarded_app

from app.core.guarding.dev import DEMO_ACCOUNT
from app.core.state import Playhall

__all__ = ["guarded", "guarded_app"]


def test_the_token_works_at_once(guarded: FlaskClient, guarded_app: Flask) -> None:
    """For the demo account, which is made when it is missing, as often as asked."""
    for _ in range(2):
        printed = guarded_app.test_cli_runner().invoke(args=["dev", "token"])
        assert printed.exit_code == 0, printed.output
        answer = guarded.get("/guarded/me", headers={"Authorization": f"Bearer {printed.output.strip()}"})
        assert (answer.get_json()["account"], answer.get_json()["roles"]) == (str(DEMO_ACCOUNT), ["player"])


def test_the_roles_can_be_chosen(guarded: FlaskClient, guarded_app: Flask) -> None:
    """In place of a player's."""
    printed = guarded_app.test_cli_runner().invoke(args=["dev", "token", "--role", "admin", "--role", "support"])
    answer = guarded.get("/guarded/me", headers={"Authorization": f"Bearer {printed.output.strip()}"})
    assert answer.get_json()["roles"] == ["admin", "support"]


def test_production_refuses_with_a_sentence(guarded_app: Flask, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gets in through the command line."""
    playhall: Playhall = guarded_app.extensions["playhall"]
    monkeypatch.setattr(playhall, "settings", replace(playhall.settings, environment="production"))
    printed = guarded_app.test_cli_runner().invoke(args=["dev", "token"])
    assert printed.exit_code == 1
    assert "this is production" in printed.output
    assert "eyJ" not in printed.output
