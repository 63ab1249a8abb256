"""How JSON is written, and that a view that bypasses the schemas is held to it too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.core.http import Blueprint
from app.core.schemas import Schema
from app.core.web import json
from app.core.web.json import dumps, loads
from app.core.web.openapi import text
from playhall import fields

ID = UUID("0197f3a4-5b6c-7d8e-9f00-112233445566")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": [1, None, True]}, '{"a":[1,null,true]}'),
        ("한국 🎲", '"한국 🎲"'),
        (ID, f'"{ID}"'),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), '"2026-01-31T12:00:00Z"'),
        (datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=9))), '"2026-01-31T03:00:00.000005Z"'),
    ],
)
def test_what_is_written(value: object, written: str) -> None:
    """Compact, in UTF-8, times in UTC with Z."""
    assert dumps(value) == written


@pytest.mark.parametrize("value", [float("nan"), float("inf"), datetime(2026, 1, 31), 1j, b"x", {1, 2}])  # noqa: DTZ001
def test_what_cannot_be_written_is_an_error(value: object) -> None:
    """Rather than something that a client would read differently."""
    with pytest.raises((TypeError, ValueError)):
        dumps([value])


def test_what_is_written_is_read_back() -> None:
    """The two agree."""
    value: dict[str, Any] = {"a": [1, 2.5, "x\\u0000"], "b": {"c": None}}
    assert loads(dumps(value)) == value


def test_a_view_that_returns_a_dict_is_written_so_too() -> None:
    """Flask uses our JSON everywhere."""
    app = Flask("views")
    json.init_app(app)
    app.add_url_rule("/", "view", lambda: {"id": ID, "name": "한국", "half": "\ud800"})
    answer = app.test_client().get("/")
    assert answer.content_type == "application/json"
    assert answer.data == b'{"id":"%s","name":"%s","half":"\\ud800"}' % (str(ID).encode(), "한국".encode())


def test_a_moment_without_a_zone_is_never_dumped() -> None:
    """Nobody could know when it is; null stays null."""

    class Moment(Schema):
        at = fields.Timestamp(allow_none=True)

    assert Moment().dump({"at": None}) == {"at": None}
    with pytest.raises(ValueError, match=r"no time zone: use datetime\.now\(UTC\)"):
        Moment().dump({"at": datetime(2026, 1, 31)})  # noqa: DTZ001


def test_a_route_without_operation_promises_nothing(migrated_app: Flask) -> None:
    """Boot refuses it in a plugin; until then it can be documented."""
    from app import create_app

    app = create_app()
    blueprint = Blueprint("bare", __name__)

    @blueprint.get("/bare")
    def bare() -> str:
        """Look."""
        return ""

    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(blueprint)
    with app.app_context():
        assert loads(text())["paths"]["/bare"]["get"] == {"summary": "Look.", "tags": ["bare"]}
