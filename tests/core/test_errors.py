"""Every error is a problem document, whoever raised it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from psycopg.errors import DivisionByZero, NumericValueOutOfRange
from sqlalchemy.exc import DataError, OperationalError

from app.core.errors import DomainError, Unauthenticated, core_errors
from app.core.settings import CoreSettings
from app.core.web import edge, problems
from app.core.web import json as strict_json

MEMBERS = {"type", "title", "status", "code", "detail", "request_id"}


class Refused(DomainError):
    """Nothing to be done."""

    code, status, title = "sample.refused", 409, "Refused"


def failing(fail: Callable[[], Any], **settings: Any) -> FlaskClient:
    """An application whose one view does this."""
    app = Flask("failing")
    app.add_url_rule("/", "fail", fail, methods=["GET", "POST"])
    strict_json.init_app(app)
    problems.init_app(app, CoreSettings(**settings))
    edge.init_app(app, CoreSettings(**settings))
    app.testing = True
    return app.test_client()


def raising(error: BaseException, **settings: Any) -> FlaskClient:
    """An application whose one view raises this."""

    def fail() -> None:
        raise error

    return failing(fail, **settings)


def test_a_domain_error_carries_its_own_form() -> None:
    """Code, status, title and detail; what it adds; its headers."""
    answer = raising(Refused("Not today.", headers={"Retry-After": "3"}, balance=5)).get("/")
    assert answer.status_code == 409
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Retry-After"] == "3"
    assert answer.get_json(force=True) == {
        "type": "/docs/errors#sample.refused",
        "title": "Refused",
        "status": 409,
        "code": "sample.refused",
        "detail": "Not today.",
        "balance": 5,
        "request_id": answer.headers["X-Request-Id"],
    }


@pytest.mark.parametrize("error", core_errors(), ids=lambda error: error.code)
def test_every_core_error_is_a_whole_document(error: type[DomainError]) -> None:
    """With all members, and its class's status."""
    answer = raising(error()).get("/")
    assert answer.status_code == error.status
    assert answer.get_json(force=True).keys() == MEMBERS


def test_401_says_how_to_authenticate() -> None:
    """RFC 9110 demands the header; one that was set stands."""
    assert raising(Unauthenticated()).get("/").headers["WWW-Authenticate"] == "Bearer"
    other = Unauthenticated(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    assert raising(other).get("/").headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "core.malformed_request"),
        (401, "core.unauthenticated"),
        (403, "core.forbidden"),
        (404, "core.not_found"),
        (405, "core.method_not_allowed"),
        (413, "core.body_too_large"),
        (415, "core.unsupported_media_type"),
        (422, "core.invalid"),
        (429, "core.too_many_requests"),
        (500, "core.internal"),
        (418, "core.error"),
        (416, "core.error"),
        (501, "core.error"),
    ],
)
def test_abort_gives_a_problem_document_too(status: int, code: str) -> None:
    """With the status that was asked for, and no boilerplate of the framework where we have words of our own."""
    answer = failing(lambda: abort(status)).get("/")
    document = answer.get_json(force=True)
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert document.keys() == MEMBERS


def test_the_words_given_to_abort_are_kept() -> None:
    """They are for the caller."""
    assert failing(lambda: abort(403, "Not your turn.")).get("/").get_json(force=True)["detail"] == "Not your turn."


def test_405_says_what_is_allowed() -> None:
    """In the Allow header."""
    answer = failing(lambda: "").delete("/")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_500_shows_nothing_and_logs_everything(caplog: pytest.LogCaptureFixture) -> None:
    """No message, no path, no statement in the answer; the traceback in the log."""
    answer = raising(RuntimeError("canary")).get("/")
    assert answer.status_code == 500
    assert "canary" not in answer.text
    assert ".py" not in answer.text
    assert answer.get_json(force=True).keys() == MEMBERS
    assert "canary" in caplog.text
    assert "Traceback" in caplog.text


def test_500_shows_the_traceback_when_debugging() -> None:
    """Which production refuses to start with."""
    answer = raising(RuntimeError("canary"), debug=True).get("/")
    assert "canary" in "".join(answer.get_json(force=True)["traceback"])


def database(kind: type[psycopg.Error], wrapped: bool) -> Exception:
    """A failure of the database, as SQLAlchemy or as psycopg raises it."""
    error = kind("canary")
    wrapper = DataError if isinstance(error, psycopg.DataError) else OperationalError
    return wrapper("SELECT secret", {}, error) if wrapped else error


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (NumericValueOutOfRange, 422, "core.value_out_of_range"),
        (psycopg.DataError, 422, "core.value_out_of_range"),  # psycopg's own: a NUL in a text
        (DivisionByZero, 500, "core.internal"),
        (psycopg.ProgrammingError, 500, "core.internal"),
        (psycopg.OperationalError, 503, "core.database_unavailable"),
    ],
)
def test_the_database_s_errors_are_told_apart(kind: type[psycopg.Error], status: int, code: str, wrapped: bool) -> None:
    """What the caller sent, what we did wrong, and an outage: three answers, none with a statement in it."""
    answer = raising(database(kind, wrapped)).get("/")
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (status, code)
    assert "canary" not in answer.text
    assert "SELECT" not in answer.text


def test_half_a_surrogate_in_a_detail_breaks_nothing() -> None:
    """UTF-8 cannot hold it, so it stays the escape that it was."""
    answer = raising(Refused("\ud800")).get("/")
    assert json.loads(answer.data)["detail"] == "\ud800"


def test_get_json_is_as_strict_as_arguments() -> None:
    """For a view that reads the body itself."""
    from flask import request

    client = failing(lambda: request.get_json())
    answer = client.post("/", data=b'{"a":1,"a":2}', content_type="application/json")
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (400, "core.malformed_request")
    assert client.post("/", data=b"{}", content_type="text/plain").get_json(force=True)["code"] == "core.unsupported_media_type"
