"""What the edge puts on every answer, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from app.core.settings import CoreSettings
from app.core.web import edge

OURS = "https://play.example"
HOSTILE = [
    "https://evil.example",
    "http://play.example",
    "https://play.example.evil.example",
    "https://evilplay.example",
    "https://play.example:444",
    "https://play.example/",
    "https://PLAY.example",
    "https://sub.play.example",
    "null",
    "",
    "*",
    "file://",
    "https://play.example\x00.evil.example",
    "https://play.example https://evil.example",
]


def make(**settings: Any) -> Client:
    """A bare application behind an edge with these settings."""
    app = Flask("bare")

    @app.get("/")
    def root() -> dict[str, Any]:
        from flask import request

        return {"address": request.remote_addr, "scheme": request.scheme, "host": request.host, "id": edge.request_id()}

    @app.get("/own")
    def own() -> tuple[str, dict[str, str]]:
        return "", {"Cache-Control": "public, max-age=60", "Content-Security-Policy": "default-src 'self'", "Vary": "Accept"}

    @app.get("/livez")
    def livez() -> str:
        return "alive"

    edge.init_app(app, CoreSettings(**settings))
    return Client(app)


def test_an_id_that_was_sent_comes_back() -> None:
    """A caller can follow its request by the id it made."""
    answer = make().get("/", headers={"X-Request-Id": "mine-1"})
    assert answer.headers["X-Request-Id"] == answer.json["id"] == "mine-1"  # type: ignore[index]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\tb", "ü", "<script>", '"'])
def test_an_id_that_could_forge_a_log_line_is_replaced(given: str) -> None:
    """Only letters, digits and ._:- may be chosen from outside."""
    answer = make().get("/", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] != given
    assert len(answer.headers["X-Request-Id"]) == 36


def test_ids_are_different() -> None:
    """Each request without an id gets its own."""
    client = make()
    assert client.get("/").headers["X-Request-Id"] != client.get("/").headers["X-Request-Id"]


def test_a_listed_origin_may_read() -> None:
    """Its pages see the answer and the headers that matter to them."""
    headers = make(cors_origins=(OURS,)).get("/", headers={"Origin": OURS}).headers
    assert headers["Access-Control-Allow-Origin"] == OURS
    assert headers["Vary"] == "Origin"
    for exposed in ("X-Request-Id", "Retry-After", "Idempotency-Replayed", "RateLimit-Remaining"):
        assert exposed in headers["Access-Control-Expose-Headers"].split(", ")


@pytest.mark.parametrize("origin", HOSTILE)
@pytest.mark.parametrize("path", ["/", "/missing"])
def test_a_foreign_origin_may_not_read(origin: str, path: str) -> None:
    """Nothing in the answer lets a page of another origin see it."""
    headers = make(cors_origins=(OURS,)).get(path, environ_overrides={"HTTP_ORIGIN": origin}).headers
    assert not [name for name in headers.keys() if name.lower().startswith("access-control")]  # noqa: SIM118
    assert "Origin" in headers["Vary"]


def test_all_origins_may_read_when_the_setting_says_so() -> None:
    """`*` is for development; credentials are never allowed with it."""
    headers = make(cors_origins=("*",)).get("/", headers={"Origin": "https://any.example"}).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize("path", ["/", "/missing", "/own"])
def test_a_preflight_is_answered_before_the_application(path: str) -> None:
    """A browser learns what it may send, whether the route exists or not."""
    answer = make(cors_origins=(OURS,)).options(path, headers={"Origin": OURS, "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 204
    assert answer.data == b""
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    for sent in ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"):
        assert sent in answer.headers["Access-Control-Allow-Headers"]


def test_a_preflight_of_a_foreign_origin_allows_nothing() -> None:
    """A browser that gets no permission does not send the request."""
    answer = make(cors_origins=(OURS,)).options("/", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 204
    assert not [name for name in answer.headers.keys() if name.lower().startswith("access-control")]  # noqa: SIM118


def test_options_without_an_origin_is_no_preflight() -> None:
    """The application answers it."""
    assert "Allow" in make().options("/").headers


def test_security_headers_are_on_every_answer() -> None:
    """Whatever the status."""
    for path in ("/", "/missing", "/%00"):
        headers = make().get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server-Timing"].startswith("app;dur=")
        assert "Strict-Transport-Security" not in headers


def test_what_the_application_says_about_caching_and_scripts_stands() -> None:
    """The edge only fills in what is missing."""
    headers = make().get("/own").headers
    assert headers.getlist("Cache-Control") == ["public, max-age=60"]
    assert headers.getlist("Content-Security-Policy") == ["default-src 'self'"]
    assert set(headers.getlist("Vary")) == {"Accept", "Origin"}


def test_https_is_insisted_on_once_it_was_used() -> None:
    """HSTS is only said over https."""
    assert make().get("/", base_url="https://localhost").headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize("host", ["api.example", "API.example", "api.example:8443"])
def test_a_listed_host_is_served(host: str) -> None:
    """With any port and in any case."""
    assert make(hosts=("api.example",)).get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "api.example.evil.example", "", "api.example:evil", "sub.api.example"])
def test_another_host_is_refused(host: str) -> None:
    """With a problem document that a browser may read."""
    answer = make(hosts=("api.example",), cors_origins=(OURS,)).get("/", headers={"Origin": OURS}, environ_overrides={"HTTP_HOST": host})
    assert answer.status_code == 400
    assert answer.json["code"] == "core.host_refused"  # type: ignore[index]
    assert answer.headers["Access-Control-Allow-Origin"] == OURS


def test_probes_pass_the_host_check() -> None:
    """Load balancers ask by address."""
    client = make(hosts=("api.example",))
    assert client.get("/livez", headers={"Host": "10.0.0.7"}).status_code == 200


@pytest.mark.parametrize("hosts", [(), ("*",)])
def test_without_a_list_every_host_is_served(hosts: tuple[str, ...]) -> None:
    """Which production refuses to start with."""
    assert make(hosts=hosts).get("/", headers={"Host": "any.example"}).status_code == 200


FORWARDED = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example"}


def test_forwarded_headers_of_a_stranger_are_ignored() -> None:
    """Else anybody could choose the address that limits count."""
    answer = make(trusted_proxies=("10.0.0.0/8",)).get("/", headers=FORWARDED, environ_overrides={"REMOTE_ADDR": "192.0.2.1"})
    assert answer.json == {"address": "192.0.2.1", "scheme": "http", "host": "localhost", "id": answer.headers["X-Request-Id"]}


def test_without_trusted_proxies_nobody_is_believed() -> None:
    """The default."""
    answer = make().get("/", headers=FORWARDED, environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
    assert answer.json["address"] == "127.0.0.1"  # type: ignore[index]


def test_a_trusted_proxy_is_believed() -> None:
    """The client is the address that the proxy saw, not what the client says about itself."""
    answer = make(trusted_proxies=("10.0.0.0/8",)).get("/", headers=FORWARDED, environ_overrides={"REMOTE_ADDR": "10.1.2.3"})
    assert answer.json["address"] == "203.0.113.9"  # type: ignore[index]
    assert answer.json["scheme"] == "https"  # type: ignore[index]
    assert answer.json["host"] == "api.example"  # type: ignore[index]
    assert "Strict-Transport-Security" in answer.headers


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("203.0.113.9, 10.0.0.3, 10.0.0.2", "203.0.113.9"),
        ("10.9.9.9, 10.0.0.2", "10.9.9.9"),
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_a_chain_of_trusted_proxies_is_walked_to_the_first_stranger(forwarded: str, client: str) -> None:
    """However many proxies of ours stand in a row."""
    options: dict[str, Any] = {"headers": {"X-Forwarded-For": forwarded}, "environ_overrides": {"REMOTE_ADDR": "10.0.0.1"}}
    assert make(trusted_proxies=("10.0.0.0/8",)).get("/", **options).json["address"] == client  # type: ignore[index]


def test_a_proxy_that_is_no_address_is_a_problem_at_start() -> None:
    """Not a traceback."""
    [problem] = CoreSettings(trusted_proxies=("10.0.0.0/8", "2001:db8::1", "nginx")).problems()
    assert problem.startswith("PLAYHALL_TRUSTED_PROXIES: 'nginx' is no address")


def test_a_proxy_that_says_nothing_is_the_client() -> None:
    """Without X-Forwarded-For there is nobody behind it: the proxy's own health check, for example."""
    answer = make(trusted_proxies=("10.0.0.0/8",)).get("/", environ_overrides={"REMOTE_ADDR": "10.0.0.1"})
    assert answer.json["address"] == "10.0.0.1"  # type: ignore[index]


@pytest.mark.parametrize("peer", ["", "not an address"])
def test_a_peer_without_an_address_is_not_trusted(peer: str) -> None:
    """A unix socket has none."""
    answer = make(trusted_proxies=("0.0.0.0/0",)).get("/", headers=FORWARDED, environ_overrides={"REMOTE_ADDR": peer})
    assert answer.json["scheme"] == "http"  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/\0", ""),
        ("/\xff", ""),
        ("/\xed\xa0\x80", ""),
        ("/", "a=%00"),
        ("/", "a=%ff"),
        ("/", "%ed%a0%80=1"),
        ("/", "a=\xff"),
    ],
)
def test_an_address_that_no_text_column_could_hold_is_refused(path: str, query: str) -> None:
    """A NUL, half a surrogate pair, and what is not UTF-8 at all: 400 before any view."""
    answer = make().get("/", environ_overrides={"PATH_INFO": path, "QUERY_STRING": query})
    assert answer.status_code == 400
    assert answer.json["code"] == "core.malformed_request"  # type: ignore[index]


@pytest.mark.parametrize("path", ["/?a=%F0%9F%8E%B2&b=100%25", "/?q=%ED%95%9C", "/?a=%zz"])
def test_any_other_text_is_served(path: str) -> None:
    """UTF-8, escaped or not."""
    assert make().get(path).status_code == 200


def test_an_exception_outside_flask_is_a_problem_too() -> None:
    """With nothing of the exception in it, and with every header."""

    def broken(environ: Any, start_response: Callable[..., Any]) -> Iterator[bytes]:
        raise RuntimeError("canary")

    answer = Client(edge.Edge(broken, CoreSettings(cors_origins=(OURS,)))).get("/", headers={"Origin": OURS})
    assert answer.status_code == 500
    assert answer.json["code"] == "core.internal"  # type: ignore[index]
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]  # type: ignore[index]
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert "canary" not in answer.text


def test_an_answer_that_was_begun_is_replaced() -> None:
    """The server is told why, so that it can drop what it has not sent yet."""
    heard: list[tuple[str, bool]] = []

    def late(environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        raise RuntimeError("late")

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        heard.append((status, exc_info is not None))
        return lambda _: None

    edge.Edge(late, CoreSettings())({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, start_response)
    assert heard == [("200 OK", False), ("500 Internal Server Error", True)]


def test_a_refusal_of_head_has_no_body() -> None:
    """As HTTP demands."""
    answer = make(hosts=("api.example",)).head("/")
    assert answer.status_code == 400
    assert answer.data == b""


def test_a_stream_is_handed_on_piece_by_piece() -> None:
    """The edge never waits for the end of a body."""
    sent: list[int] = []

    def stream(environ: Any, start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream")])

        def pieces() -> Iterator[bytes]:
            for number in range(3):
                sent.append(number)
                yield b"data\n\n"

        return pieces()

    pieces = iter(edge.Edge(stream, CoreSettings())({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: lambda _: None))
    assert next(pieces) == b"data\n\n"
    assert sent == [0]
