"""Which browsers' pages may read the answers (CORS), decided in one place for every route and status."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed.wsgi import WSGIEnvironment

Header = tuple[str, str]

EXPOSED = (
    "X-Request-Id",
    "Retry-After",
    "Idempotency-Replayed",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Server-Timing",
)
PREFLIGHT: tuple[Header, ...] = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id"),
    ("Access-Control-Max-Age", "7200"),
)

_VARY: Header = ("Vary", "Origin")


class Cors:
    """The headers for an origin. Tokens travel in a header and never in a cookie, so credentials are not allowed."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origins)

    def allows(self, origin: str) -> bool:
        """Whether pages of this origin may call."""
        return self._any or origin in self._origins

    def headers(self, origin: str | None) -> Sequence[Header]:
        """What to add to an answer, whatever its status."""
        if origin is None or not self.allows(origin):
            return (_VARY,)
        return (_VARY, ("Access-Control-Allow-Origin", "*" if self._any else origin), ("Access-Control-Expose-Headers", ", ".join(EXPOSED)))


def is_preflight(environ: WSGIEnvironment) -> bool:
    """Whether a browser asks what it may send."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ORIGIN" in environ and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
