"""The error tree. An error carries its own wire form: code, status, title and what to do.

DomainError
├── Unauthenticated, Forbidden, NotFound, Conflict …   (the core's own)
└── one small tree per plugin, in its api.py
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class PluginError(Exception):
    """The application cannot boot; the message lists every problem and what to do about each."""


class DomainError(Exception):
    """Something a caller did cannot be done. Subclasses set `code`, `status` and `title`."""

    code: ClassVar[str] = "core.error"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request cannot be fulfilled"

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Mapping[str, Any] | None = None,
        **extra: object,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = dict(headers or {})
        self.errors = errors
        self.extra = extra  # members of the problem document, for example balance=3

    def problem(self) -> dict[str, object]:
        """The problem document (RFC 9457) without what only the request knows."""
        document: dict[str, object] = {
            "type": f"/docs/errors#{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.extra,
        }
        return document if self.errors is None else {**document, "errors": self.errors}


class MalformedRequest(DomainError):
    code, status, title = "core.malformed_request", 400, "The request cannot be read"


class MissingIdempotencyKey(DomainError):
    code, status, title = "core.idempotency_key_missing", 400, "Send an Idempotency-Key header"


class HostRefused(DomainError):
    code, status, title = "core.host_refused", 400, "This host name is not served here"


class Unauthenticated(DomainError):
    code, status, title = "core.unauthenticated", 401, "Sign in: the access token is missing, wrong, expired or revoked"


class Forbidden(DomainError):
    code, status, title = "core.forbidden", 403, "This account may not do that"


class NotFound(DomainError):
    code, status, title = "core.not_found", 404, "There is nothing here"


class MethodNotAllowed(DomainError):
    code, status, title = "core.method_not_allowed", 405, "This address does not answer to that method"


class NotAcceptable(DomainError):
    code, status, title = "core.not_acceptable", 406, "This can be answered in none of the forms asked for"


class Conflict(DomainError):
    code, status, title = "core.conflict", 409, "The state of things does not allow that"


class IdempotencyKeyInUse(DomainError):
    code, status, title = "core.idempotency_key_in_use", 409, "A request with this key is still running"


class BodyTooLarge(DomainError):
    code, status, title = "core.body_too_large", 413, "The body is too large"


class UnsupportedMediaType(DomainError):
    code, status, title = "core.unsupported_media_type", 415, "Send the body as application/json"


class Invalid(DomainError):
    code, status, title = "core.invalid", 422, "Some fields are wrong"


class IdempotencyKeyReused(DomainError):
    code, status, title = "core.idempotency_key_reused", 422, "This key was used for another request"


class TooManyRequests(DomainError):
    code, status, title = "core.too_many_requests", 429, "Too many requests"


class TooManyJobs(DomainError):
    code, status, title = "jobs.too_many", 429, "Too many jobs of this account are under way"


class InternalError(DomainError):
    code, status, title = "core.internal", 500, "Something went wrong here"


class DatabaseUnavailable(DomainError):
    code, status, title = "core.database_unavailable", 503, "The database does not answer; try again"


def core_errors() -> list[type[DomainError]]:
    """Every error that the core itself can answer with, ordered by status and code."""
    found = [error for error in DomainError.__subclasses__() if error.__module__ == __name__]
    return sorted(found, key=lambda error: (error.status, error.code))
