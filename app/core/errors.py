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
    """The request was refused for a reason that has no code of its own; the status and the detail say which."""

    # Subclasses set all three; their docstring goes into docs/errors.md and says what the caller should do.

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
    """The address, a header or the body cannot be read: not UTF-8, not a JSON object, a key twice, a NUL. Correct and send again."""

    code, status, title = "core.malformed_request", 400, "The request cannot be read"


class InvalidCursor(DomainError):
    """A cursor belongs to the list, the filters and the order it was given for. Start again without one."""

    code, status, title = "core.cursor_invalid", 400, "This cursor is not one of this list"


class MissingIdempotencyKey(DomainError):
    """Send a new random key, for example a UUID, with each new intent, and the same key when repeating it."""

    code, status, title = "core.idempotency_key_missing", 400, "Send an Idempotency-Key header"


class HostRefused(DomainError):
    """Use a host name that the operator listed in PLAYHALL_HOSTS."""

    code, status, title = "core.host_refused", 400, "This host name is not served here"


class Unauthenticated(DomainError):
    """Sign in, or refresh the access token, and send it as `Authorization: Bearer <token>`."""

    code, status, title = "core.unauthenticated", 401, "Sign in: the access token is missing, wrong, expired or revoked"


class Forbidden(DomainError):
    """The permission that the operation names is needed; repeating does not help."""

    code, status, title = "core.forbidden", 403, "This account may not do that"


class NotFound(DomainError):
    """No such address, or nothing with that id that this account may see."""

    code, status, title = "core.not_found", 404, "There is nothing here"


class MethodNotAllowed(DomainError):
    """Use one of the methods in the `Allow` header."""

    code, status, title = "core.method_not_allowed", 405, "This address does not answer to that method"


class IdempotencyKeyInUse(DomainError):
    """The first request is not done yet: wait as long as `Retry-After` says, then repeat with the same key."""

    code, status, title = "core.idempotency_key_in_use", 409, "A request with this key is still running"


class BodyTooLarge(DomainError):
    """Send less than PLAYHALL_MAX_BODY_BYTES."""

    code, status, title = "core.body_too_large", 413, "The body is too large"


class AddressTooLong(DomainError):
    """The address and its query may have 8,190 bytes together. Send less, or send it in a body where there is one."""

    code, status, title = "core.address_too_long", 414, "The address is too long"


class UnsupportedMediaType(DomainError):
    """Send JSON in UTF-8 with `Content-Type: application/json`."""

    code, status, title = "core.unsupported_media_type", 415, "Send the body as application/json"


class Invalid(DomainError):
    """`errors` says what is wrong with which field."""

    code, status, title = "core.invalid", 422, "Some fields are wrong"


class ValueOutOfRange(DomainError):
    """A value fits its field but not where it would be stored. Send a smaller or another one."""

    code, status, title = "core.value_out_of_range", 422, "A value cannot be stored"


class IdempotencyKeyReused(DomainError):
    """A key stands for one request. Use a new key for a new intent."""

    code, status, title = "core.idempotency_key_reused", 422, "This key was used for another request"


class TooManyRequests(DomainError):
    """Wait as long as `Retry-After` says."""

    code, status, title = "core.too_many_requests", 429, "Too many requests"


class TooManyJobs(DomainError):
    """Wait until one of them is done; PLAYHALL_MAX_JOBS_PER_ACCOUNT is the limit."""

    code, status, title = "jobs.too_many", 429, "Too many jobs of this account are under way"


class HeadersTooLarge(DomainError):
    """A request may have 100 headers of 8,190 bytes each. Send less."""

    code, status, title = "core.headers_too_large", 431, "The headers are too large"


class InternalError(DomainError):
    """Our mistake: the log has it under the `request_id`. A request with an Idempotency-Key can be repeated safely."""

    code, status, title = "core.internal", 500, "Something went wrong here"


class DatabaseUnavailable(DomainError):
    """Nothing was changed, unless the connection was lost in the very moment of the commit: repeat with the same key, or look first."""

    code, status, title = "core.database_unavailable", 503, "The database does not answer; try again"


def core_errors() -> list[type[DomainError]]:
    """Every error that the core itself can answer with, ordered by status and code."""
    found = [error for error in DomainError.__subclasses__() if error.__module__ == __name__]
    return sorted(found, key=lambda error: (error.status, error.code))
