"""The outermost layer, in WSGI: what must hold for every answer, whatever Flask and its handlers do."""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import structlog
import uuid_utils
from flask import Flask, request

from app.core.errors import DomainError, HostRefused, InternalError, MalformedRequest
from app.core.operating.access import PROBES, Access, begin
from app.core.web import cors
from app.core.web.problems import REQUEST_ID, document, status_of
from app.core.web.proxies import TrustedProxies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from app.core.settings import CoreSettings

log = structlog.get_logger(__name__)

STARTED = "playhall.started"
REFUSED = "playhall.refused"  # in the WSGI environ: why the server could not read the request, as a DomainError
# Each is only added where the application did not say otherwise: /docs needs scripts, a catalogue may be cached.
DEFAULTS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
)
SECURITY = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
HSTS = ("Strict-Transport-Security", "max-age=31536000")

_GIVEN_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def request_id() -> str:
    """The id of the request under way, as its X-Request-Id header and its problem document say it."""
    found: str = request.environ[REQUEST_ID]
    return found


def init_app(app: Flask, settings: CoreSettings) -> None:
    """Put the edge around everything that the application has been wrapped in so far."""
    edge: WSGIApplication = Edge(app.wsgi_app, settings)
    if settings.trusted_proxies:
        edge = TrustedProxies(edge, settings.trusted_proxies)
    app.wsgi_app = edge  # type: ignore[method-assign,assignment]


class Edge:
    """WSGI middleware: request id, CORS, security headers, host check, Server-Timing, and a last net for exceptions.

    It never touches a body, so streams stay streams.
    """

    def __init__(self, app: WSGIApplication, settings: CoreSettings) -> None:
        self._app = app
        self._access = Access(settings.slow_request_ms)
        self._cors = cors.Cors(settings.cors_origins)
        self._hosts = frozenset() if "*" in settings.hosts else frozenset(host.lower() for host in settings.hosts)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID")
        request_id = given if given and _GIVEN_ID.fullmatch(given) else str(uuid_utils.uuid7())
        environ[REQUEST_ID] = request_id
        begin(request_id)
        own = [("X-Request-Id", request_id), *SECURITY, *self._cors.headers(environ.get("HTTP_ORIGIN"))]
        if environ.get("wsgi.url_scheme") == "https":
            own.append(HSTS)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            said = {name.lower() for name, _ in headers}
            headers += own
            headers += [default for default in DEFAULTS if default[0].lower() not in said]
            seconds = perf_counter() - began
            headers.append(("Server-Timing", f"app;dur={seconds * 1000:.1f}"))
            environ[STARTED] = True
            self._access.done(environ, int(status[:3]), seconds)
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        return self._answer(environ, start)

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if refusal := self._refusal(environ):
            return _problem(refusal, environ, start)
        if cors.is_preflight(environ):
            start("204 No Content", list(cors.PREFLIGHT) if self._cors.allows(environ["HTTP_ORIGIN"]) else [])
            return []
        try:
            return self._app(environ, start)
        except Exception:
            log.exception("an exception escaped the application", path=environ.get("PATH_INFO"))
            # WSGI: an answer that was begun but not sent can be replaced by saying why.
            return _problem(InternalError(), environ, start, sys.exc_info() if STARTED in environ else None)

    def _refusal(self, environ: WSGIEnvironment) -> DomainError | None:
        if REFUSED in environ:
            refused: DomainError = environ[REFUSED]
            return refused
        if self._hosts and not self._serves(environ.get("HTTP_HOST", "")) and environ.get("PATH_INFO") not in PROBES:
            return HostRefused()
        return None if _readable(environ) else MalformedRequest("The address holds a NUL or is not UTF-8.")

    def _serves(self, host: str) -> bool:
        host = host.lower()
        name, colon, port = host.rpartition(":")
        return host in self._hosts or bool(colon and port.isdigit() and name in self._hosts)


def _problem(error: DomainError, environ: WSGIEnvironment, start: StartResponse, exc_info: Any = None) -> Iterable[bytes]:
    body, headers = document(error, environ[REQUEST_ID])
    status = status_of(error)
    start(f"{status} {HTTPStatus(status).phrase}", [*headers, ("Content-Length", str(len(body)))], exc_info)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _readable(environ: WSGIEnvironment) -> bool:
    path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
    if path.isascii() and "\0" not in path and query.isascii() and "%" not in query:
        return True
    try:
        # WSGI hands bytes over as latin-1.
        text = path.encode("latin-1").decode() + unquote_to_bytes(query.encode("latin-1")).decode()
    except UnicodeError:
        return False
    return "\0" not in text
