"""The guards of a request: who it is, what they may, and how often."""

from __future__ import annotations

from app.core.operation import Operation


def check(operation: Operation) -> None:
    """Let the request pass, or raise Unauthenticated, Forbidden or TooManyRequests."""
