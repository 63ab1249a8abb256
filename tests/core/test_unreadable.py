"""What the server itself has to refuse, over a real connection: the same problem documents as everywhere."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from typing import Any

import pytest

from tests.core.serving import Served, served, until

pytestmark = pytest.mark.xdist_group("served")

ABSENT = ("postgresql://nobody@127.0.0.1:1/playhall_test", "redis://127.0.0.1:1/0")
OURS = "https://play.example"
HEAD = f"Host: x\r\nOrigin: {OURS}\r\nX-Request-Id: mine-1\r\nX-Forwarded-Proto: https\r\n"


@dataclass
class Got:
    """An answer, read to the end of the connection."""

    status: int
    headers: Message
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The document in it."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert int(self.headers["Content-Length"]) == len(self.body)
        found: dict[str, Any] = json.loads(self.body)
        return found


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    """A server behind a proxy, that browsers of one origin may call."""
    environment = {"WEB_CONCURRENCY": "1", "PLAYHALL_CORS_ORIGINS": OURS, "PLAYHALL_TRUSTED_PROXIES": "127.0.0.1"}
    with served(*ABSENT, **environment) as server:
        yield server


def send(server: Served, raw: str | bytes, *, half_close: bool = False) -> Got:
    """What comes back for these bytes until the server hangs up; `half_close` says that no more will come."""
    with socket.create_connection(("127.0.0.1", server.ports["api"]), timeout=30) as connection:
        connection.sendall(raw if isinstance(raw, bytes) else raw.encode("latin-1"))
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        whole = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = whole.partition(b"\r\n\r\n")
    first, _, rest = head.partition(b"\r\n")
    return Got(int(first.split()[1]), BytesParser().parsebytes(rest), body)


LONG = "x" * 20_000
UNREADABLE: dict[str, tuple[str, int, str]] = {
    "a long address": (f"GET /?a={LONG} HTTP/1.1\r\n{HEAD}\r\n", 414, "core.address_too_long"),
    "an address just too long": (f"GET /?a={LONG[:8190]} HTTP/1.1\r\n{HEAD}\r\n", 414, "core.address_too_long"),
    "a long header": (f"GET / HTTP/1.1\r\nAuthorization: Bearer {LONG}\r\n{HEAD}\r\n", 431, "core.headers_too_large"),
    "a long header last": (f"GET / HTTP/1.1\r\n{HEAD}X-Long: {LONG}\r\n\r\n", 431, "core.headers_too_large"),
    "many headers": ("GET / HTTP/1.1\r\n" + HEAD + "".join(f"X-{n}: 1\r\n" for n in range(200)) + "\r\n", 431, "core.headers_too_large"),
    "a header without a colon": (f"GET / HTTP/1.1\r\n{HEAD}nonsense\r\n\r\n", 400, "core.malformed_request"),
    "a space in a header's name": (f"GET / HTTP/1.1\r\n{HEAD}X Y: 1\r\n\r\n", 400, "core.malformed_request"),
    "a NUL in a header": (f"GET / HTTP/1.1\r\n{HEAD}X-Y: a\0b\r\n\r\n", 400, "core.malformed_request"),
    "a folded header": (f"GET / HTTP/1.1\r\n{HEAD}X-Y: a\r\n b\r\n\r\n", 400, "core.malformed_request"),
    "two hosts": (f"GET / HTTP/1.1\r\n{HEAD}Host: y\r\n\r\n", 400, "core.malformed_request"),
    "two lengths": (f"POST /read HTTP/1.1\r\n{HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "core.malformed_request"),
    "a length in words": (f"POST /read HTTP/1.1\r\n{HEAD}Content-Length: one\r\n\r\n", 400, "core.malformed_request"),
    "a negative length": (f"POST /read HTTP/1.1\r\n{HEAD}Content-Length: -1\r\n\r\n", 400, "core.malformed_request"),
    "a length and chunks": (
        f"POST /read HTTP/1.1\r\n{HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "core.malformed_request",
    ),
    "an unknown coding": (f"POST /read HTTP/1.1\r\n{HEAD}Transfer-Encoding: br\r\n\r\n", 400, "core.malformed_request"),
    "a coding without chunks": (f"POST /read HTTP/1.1\r\n{HEAD}Transfer-Encoding: gzip\r\n\r\n", 400, "core.malformed_request"),
    "chunked twice": (f"POST /read HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked, chunked\r\n\r\n", 400, "core.malformed_request"),
    "an unknown expectation": (f"GET / HTTP/1.1\r\n{HEAD}Expect: rain\r\n\r\n", 400, "core.malformed_request"),
    "no version": (f"GET /\r\n{HEAD}\r\n", 400, "core.malformed_request"),
    "another version": (f"GET / HTTP/3.0\r\n{HEAD}\r\n", 400, "core.malformed_request"),
    "a method in small letters": (f"get / HTTP/1.1\r\n{HEAD}\r\n", 400, "core.malformed_request"),
    "letters that are not escaped": (f"GET /\xe9 HTTP/1.1\r\n{HEAD}\r\n", 400, "core.malformed_request"),
    "an empty line before a long address": (f"\r\nGET /?a={LONG} HTTP/1.1\r\n{HEAD}\r\n", 414, "core.address_too_long"),
    "a line that ends too soon": (f"GET / HTTP/1.1\n{HEAD}\r\n", 400, "core.malformed_request"),
}


@pytest.mark.parametrize(("raw", "status", "code"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_a_problem_that_a_browser_may_see(running: Served, raw: str, status: int, code: str) -> None:
    """Status, code, id, CORS and security headers; nothing of gunicorn's page."""
    got = send(running, raw)
    assert (got.status, got.problem["code"], got.problem["status"]) == (status, code, status)
    assert set(got.problem) == {"type", "title", "status", "code", "detail", "request_id"}
    assert got.problem["request_id"] == got.headers["X-Request-Id"] == "mine-1"
    assert got.headers["Access-Control-Allow-Origin"] == OURS
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" in got.headers
    assert got.headers["Connection"] == "close"
    assert got.problem["detail"].endswith(".")


NOTHING_READ: dict[str, bytes] = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "one word": b"hello\r\n\r\n",
    "an address that never ends": b"GET /" + b"x" * 100_000,
    "another origin": b"GET / HTTP/9.9\r\nOrigin: https://evil.example\r\n\r\n",
    "an id that could forge a line": b"GET / HTTP/9.9\r\nX-Request-Id: a b\r\n\r\n",
}


@pytest.mark.parametrize("raw", NOTHING_READ.values(), ids=NOTHING_READ.keys())
def test_without_an_origin_that_could_be_read_there_is_no_cors(running: Served, raw: bytes) -> None:
    """And an id of our own."""
    got = send(running, raw, half_close=True)
    assert got.status == got.problem["status"] in {400, 414}
    assert "Access-Control-Allow-Origin" not in got.headers
    assert got.headers["Vary"] == "Origin"
    assert re.fullmatch(r"[0-9a-f-]{36}", got.headers["X-Request-Id"])


def test_an_answer_on_a_kept_connection_is_about_its_own_request(running: Served) -> None:
    """What an earlier request on the connection said is forgotten."""
    got = send(running, f"GET /pid HTTP/1.1\r\n{HEAD}\r\nGET / HTTP/9.9\r\nHost: x\r\n\r\n")
    first, _, second = got.body.partition(b"HTTP/1.1 400")
    assert (got.status, first.isdigit(), bool(second)) == (200, True, True)
    assert b"mine-1" not in second
    assert b"Access-Control-Allow-Origin" not in second


def test_head_gets_no_body(running: Served) -> None:
    """As HTTP demands."""
    got = send(running, f"HEAD /?a={LONG} HTTP/1.1\r\n{HEAD}\r\n")
    assert (got.status, got.body) == (414, b"")


CHUNKS = {
    "no number": "Z\r\nabc\r\n0\r\n\r\n",
    "longer than it says": "2\r\nabc\r\n0\r\n\r\n",
    "no end": "3\r\nabc\r\n",
    "an extension that is none": "3;=\r\nabc\r\n0\r\n\r\n",
    "a trailer without a colon": "3\r\nabc\r\n0\r\nnonsense\r\n\r\n",
}


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS.keys())
def test_a_body_whose_framing_is_broken_is_malformed(running: Served, chunks: str) -> None:
    """400, although it shows only while the view reads: the mistake is not ours."""
    got = send(running, f"POST /read HTTP/1.1\r\n{HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}", half_close=True)
    assert (got.status, got.problem["code"]) == (400, "core.malformed_request")
    assert got.headers["Access-Control-Allow-Origin"] == OURS


def test_a_body_that_nobody_reads_gets_no_second_answer(running: Served) -> None:
    """What is wrong with it shows after the answer: the connection ends, and the next answer is about nothing else."""
    raw = f"POST /nothing HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\nZ\r\n\r\n"
    got = send(running, raw + f"GET /pid HTTP/1.1\r\n{HEAD}\r\n")
    assert (got.status, got.problem["code"]) == (404, "core.not_found")


def test_a_body_that_ends_too_soon_is_malformed(running: Served) -> None:
    """A part is never taken for the whole."""
    got = send(running, f"POST /read HTTP/1.1\r\n{HEAD}Connection: close\r\nContent-Length: 10\r\n\r\nabc", half_close=True)
    assert (got.status, got.problem["code"]) == (400, "core.malformed_request")


def test_a_stream_that_fails_before_its_first_piece_is_a_500(running: Served) -> None:
    """The view is over by then, and the edge behind; the log has the traceback."""
    got = send(running, f"GET /half HTTP/1.1\r\n{HEAD}\r\n")
    assert (got.status, got.problem["code"], got.problem["request_id"]) == (500, "core.internal", "mine-1")
    assert got.headers["Access-Control-Allow-Origin"] == OURS
    assert "too late" not in got.body.decode()
    until(lambda: "RuntimeError: too late" in running.log(), 10)


def test_the_log_tells_the_reason_and_nothing_of_the_request(running: Served) -> None:
    """What could not be read may hold anything."""
    got = send(running, "GET /?q=canary-one HTTP/9.9\r\nX-Canary: canary-two\r\n\r\n")
    mine = [line for line in running.log().splitlines() if got.problem["request_id"] in line]
    assert [line for line in mine if "InvalidHTTPVersion" in line]
    assert "canary" not in running.log()


def test_the_next_request_is_served(running: Served) -> None:
    """The worker has taken no harm."""
    assert send(running, f"GET /pid HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n").status == 200
