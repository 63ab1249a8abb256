"""The one line and the one measurement of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from flask import has_request_context, request

from app.core import log
from app.core.operating import metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PROBES = frozenset({"/livez", "/readyz"})  # asked every few seconds: they pass whatever happens, and are measured but not told of


def begin(request_id: str) -> None:
    """Bind the request's id to all that is logged from here on, and nothing of the request before."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


class Access:
    """Knows when a request was slow."""

    def __init__(self, slow_request_ms: int) -> None:
        self._slow = slow_request_ms / 1000

    def done(self, environ: WSGIEnvironment, status: int, seconds: float) -> None:
        """Log and measure an answer whose headers are about to go; `seconds` is what Server-Timing says."""
        rule = request.url_rule if has_request_context() else None
        route, method = rule.rule if rule else None, environ["REQUEST_METHOD"]
        metrics.request_done(route, method, status, seconds)
        if route in PROBES:
            return
        level, event = ("warning", "slow") if seconds > self._slow else ("info", "request")
        fields = {"method": method, "route": route or metrics.UNKNOWN, "status": status, "duration_ms": round(seconds * 1000, 1)}
        log.tell(level, __name__, event, fields)
