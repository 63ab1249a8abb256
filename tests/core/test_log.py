"""One line an event, in the form that is read, with the ids that belong to it and without anything secret."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient

from app.core import log
from app.core.db import session, transaction
from app.core.models import JobRow
from app.core.operating.access import Access, begin
from app.core.operating.masking import HIDDEN, Mask
from app.core.queue.drain import drain
from app.core.settings import CoreSettings, setting

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"  # pragma: allowlist secret
PLANTED = "planted-secret-value"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Logging belongs to the process: give it back."""
    root = logging.getLogger()
    before = (structlog.get_config(), list(log._chain), root.handlers[:], root.level, set(log._direct))
    yield
    structlog.configure(**before[0])
    log._chain[:] = before[1]
    root.handlers, root.level = before[2], before[3]
    log._direct.clear()
    log._direct.update(before[4])
    structlog.contextvars.clear_contextvars()


class Output:
    """What is written to standard error."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured, self._seen = captured, ""

    def getvalue(self) -> str:
        """All of it so far."""
        self._seen += self._captured.readouterr().err
        return self._seen


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Output:
    """What is written to standard error from here on."""
    return Output(capsys)


def production(**values: Any) -> CoreSettings:
    return CoreSettings(environment="production", **values)


def lines(output: Output) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_production_writes_one_json_object_a_line(output: Output) -> None:
    log.configure(production())
    structlog.get_logger("shop").info("sold", product="a\r\nforged", price=3)
    (line,) = lines(output)
    assert (line["event"], line["product"], line["price"], line["level"], line["logger"]) == ("sold", "a\r\nforged", 3, "info", "shop")
    assert line["timestamp"].endswith("Z")


def test_the_standard_librarys_loggers_go_the_same_way(output: Output) -> None:
    log.configure(production())
    structlog.contextvars.bind_contextvars(request_id="r1")
    logging.getLogger("sqlalchemy.pool").warning("password=%s of %s", PLANTED, "\nforged", extra={"token": "abc", "size": 5})
    (line,) = lines(output)
    assert (line["logger"], line["request_id"], line["size"], line["token"]) == ("sqlalchemy.pool", "r1", 5, HIDDEN)
    assert PLANTED not in output.getvalue()


def test_an_exception_is_told_with_its_traceback_on_one_line(output: Output) -> None:
    log.configure(production())
    try:
        raise ValueError("two\nlines")
    except ValueError:
        structlog.get_logger("x").exception("failed")
        logging.getLogger("x").exception("failed")
    for line in lines(output):
        assert line["exception"].startswith("Traceback")
        assert "two\nlines" in line["exception"]


def test_what_is_read_by_people_cannot_be_forged_either(output: Output) -> None:
    """Neither a line of its own, nor what a terminal would obey; a traceback is indented."""
    log.configure(CoreSettings())
    structlog.get_logger("x").info("a\nb", name="c\r\n2026-01-01 [error] forged\x1b[2J", thing=ValueError("d\ne"), count=1)
    try:
        raise ValueError("\n2026-01-01 [error] forged")
    except ValueError:
        structlog.get_logger("x").exception("failed")
    written = output.getvalue()
    assert "\x1b[2J" not in written
    assert "\r" not in written
    assert not [line for line in written.splitlines() if line.startswith("2026-01-01 [error]")]


def test_below_the_level_nothing_is_written(output: Output) -> None:
    log.configure(production(log_level="warning"))
    structlog.get_logger("quiet").info("not this")
    logging.getLogger("quiet").info("nor this")
    structlog.get_logger("quiet").warning("this")
    assert [line["event"] for line in lines(output)] == ["this"]


def test_a_line_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch, output: Output) -> None:
    """As the standard library's own handlers: told on standard error when that can be, and no exception."""
    log.configure(production())
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("x").warning("%d", "not a number")
    logging.getLogger("x").warning("the next")
    assert [line["event"] for line in lines(output)] == ["the next"]


def test_configuring_again_replaces_and_does_not_double(output: Output) -> None:
    log.configure(production())
    log.configure(production())
    logging.getLogger("x").warning("once")
    structlog.get_logger("x").warning("once")
    assert len(lines(output)) == 2


def test_the_settings_secrets_are_known() -> None:
    """All that is declared secret, of the core and of plugins, and the passwords in addresses as written and as meant."""

    @dataclasses.dataclass(frozen=True)
    class Settings:
        key: str = setting(PLANTED, doc="", secret=True)
        options: dict[str, str] = dataclasses.field(default_factory=lambda: {"sasl.password": "s3cret-sasl"}, metadata={"secret": True})
        pin: int = setting(987654321, doc="", secret=True)
        port: int = setting(1, doc="")

    core = CoreSettings(database_url="postgresql://u:p%40ss/word@h/playhall_test?sslpassword=qu%65ry", secret_keys=("k1", "k2"))
    assert {"k1", "k2", "p%40ss/word", "p@ss/word", "qu%65ry", "query"} <= set(log.secrets(core))
    assert set(log.secrets(Settings())) == {PLANTED, "s3cret-sasl", "987654321"}


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {PLANTED}",
        f"sent {TOKEN} to us",
        f"postgresql://playhall:{PLANTED}@db/playhall",
        f"could not log in with password={PLANTED}",
        f'{{"refresh_token": "{PLANTED}"}}',
        f"{{'api_key': '{PLANTED}', 'other': 1}}",
        f"DETAIL:  Failing row contains (1, {PLANTED}, x).",
        f"Set-Cookie: {PLANTED}",
    ],
)
def test_what_looks_like_a_secret_is_hidden_in_any_text(text: str) -> None:
    found = Mask().text(text)
    assert PLANTED not in found
    assert TOKEN not in found
    assert HIDDEN in found


@pytest.mark.parametrize(
    "text", ["a pull from banner 7", "keyboard", "https://example.com/docs", "passed 3 of 4", "/api/v1/gacha/banners/<uuid:banner>"]
)
def test_what_does_not_is_left_as_it_is(text: str) -> None:
    assert Mask().text(text) == text


def test_a_name_that_speaks_of_a_secret_hides_its_value_at_any_depth() -> None:
    line = {"event": "e", "body": {"user": {"Password": PLANTED, "name": "ann"}, "list": [{"otp": 123456}]}, "token": None, "secret": True}
    assert Mask()(None, "", line) == {
        "event": "e",
        "body": {"user": {"Password": HIDDEN, "name": "ann"}, "list": [{"otp": HIDDEN}]},
        "token": None,
        "secret": True,
    }


def test_a_known_secret_is_hidden_wherever_it_turns_up() -> None:
    """Under a harmless name, inside a text, in an object's own words; what is too short to be one is not looked for."""

    class Client:
        def __repr__(self) -> str:
            return f"<Client {PLANTED}>"

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    mask = Mask([PLANTED, "ab", ""])
    found = mask(None, "", {"event": f"x{PLANTED}y", "client": Client(), "set": {PLANTED}, "short": "ab", "broken": Broken()})
    assert PLANTED not in str(found)
    assert found["short"] == "ab"
    assert found["broken"] == "<Broken>"


def test_what_contains_itself_can_be_logged(output: Output) -> None:
    log.configure(production())
    endless: dict[str, Any] = {}
    endless["self"] = endless
    structlog.get_logger("x").info("e", endless=endless)
    assert lines(output)


def test_a_request_is_one_line_with_its_template_and_ids(app: Flask, output: Output) -> None:
    """No path and no query: they hold what callers wrote."""
    log.configure(production())
    client = app.test_client()
    answer = client.get(f"/api/v1/health?token={PLANTED}", headers={"X-Request-Id": "mine-1", "Authorization": f"Bearer {TOKEN}"})
    (line,) = lines(output)
    assert (line["event"], line["method"], line["route"], line["status"], line["request_id"]) == (
        "request",
        "GET",
        "/api/v1/health",
        answer.status_code,
        "mine-1",
    )
    assert line["duration_ms"] >= 0
    assert f"dur={line['duration_ms']}" in answer.headers["Server-Timing"]
    assert PLANTED not in output.getvalue()


def test_an_address_without_a_route_is_told_as_unknown(client: FlaskClient, output: Output) -> None:
    log.configure(production())
    client.get(f"/{PLANTED}/x")
    (line,) = lines(output)
    assert (line["route"], line["status"]) == ("unknown", 404)


def test_a_slow_request_is_a_warning(app: Flask, output: Output) -> None:
    log.configure(production())
    with app.test_request_context("/api/v1/health"):
        Access(slow_request_ms=200).done({"REQUEST_METHOD": "GET"}, 200, 0.201)
    (line,) = lines(output)
    assert (line["event"], line["level"], line["duration_ms"]) == ("slow", "warning", 201.0)


def test_requests_are_not_told_of_below_the_level(client: FlaskClient, output: Output) -> None:
    log.configure(production(log_level="warning"))
    client.get("/api/v1/health")
    assert output.getvalue() == ""


def test_people_read_of_a_request_too(client: FlaskClient, output: Output) -> None:
    log.configure(CoreSettings())
    client.get("/api/v1/health")
    assert "route=/api/v1/health" in output.getvalue()


def test_a_token_sent_as_an_id_is_hidden(client: FlaskClient, output: Output) -> None:
    log.configure(production())
    client.get("/api/v1/health", headers={"X-Request-Id": TOKEN})
    (line,) = lines(output)
    assert line["request_id"] == HIDDEN


def test_probes_are_not_told_of(client: FlaskClient, output: Output) -> None:
    log.configure(production())
    client.get("/livez")
    assert output.getvalue() == ""


def test_a_request_inherits_nothing_from_the_one_before() -> None:
    """Threads are used again, and so is what was bound to them."""
    begin("first")
    structlog.contextvars.bind_contextvars(account_id="ann")
    begin("second")
    assert structlog.contextvars.get_contextvars() == {"request_id": "second"}


def test_a_job_that_fails_tells_which_it_was_and_no_secret(app: Flask, output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: secrets in its exception, and all that is logged on the way."""

    def run() -> None:
        raise RuntimeError(f"the gateway said: password={PLANTED} token {TOKEN}")

    log.configure(production(), [PLANTED])
    with app.app_context():
        monkeypatch.setattr("app.core.queue.purge.purge_keys", run)
        transaction(lambda: session().add(JobRow(name="core.purge_keys", payload={})))
        drain()
    assert PLANTED not in output.getvalue()
    assert TOKEN not in output.getvalue()
    failed = [line for line in lines(output) if line["event"] == "jobs.failed"]
    assert failed[0]["job"] == "core.purge_keys"
    assert failed[0]["job_id"]
