"""The answers of an operation, in the OpenAPI document: security, headers, and every error with its codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby
from typing import Any

from apispec import APISpec

from app.core import errors
from app.core.errors import DomainError
from app.core.operation import Operation
from app.core.web.problems import MEDIA_TYPE

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457). Some codes add members, for example a balance.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Where the code is explained."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "What programs go by; it never changes.", "example": "core.not_found"},
        "detail": {"type": "string", "description": "For people; it may change."},
        "request_id": {"type": "string", "description": "Quote it when reporting; the log has it too."},
        "errors": {"type": "object", "description": "Messages by field, nested like the body.", "additionalProperties": True},
    },
}
_WHOLE = {"type": "integer", "minimum": 0}
HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {"description": "The id that was sent, or a new one.", "schema": {"type": "string"}, "required": True},
    "RateLimit-Limit": {"description": "Requests allowed in the window.", "schema": _WHOLE},
    "RateLimit-Remaining": {"description": "Requests left in the window.", "schema": _WHOLE},
    "RateLimit-Reset": {"description": "Seconds until the window ends.", "schema": _WHOLE},
    "Retry-After": {"description": "Seconds to wait before trying again.", "schema": _WHOLE},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {"description": "`true` when this is the first answer again.", "schema": {"const": "true"}},
}
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "required": True,
    "description": "A new random text, for example a UUID, for each new intent; the same one when repeating it. Kept for 7 days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}

_EVERYWHERE = ("X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_BY_STATUS = {401: ("WWW-Authenticate",), 409: ("Retry-After",), 429: ("Retry-After",), 503: ("Retry-After",)}


@dataclass(frozen=True, slots=True)
class Promise:
    """What a Blueprint knows of a route when it composes the view."""

    operation_id: str
    rule: str
    operation: Operation


def register_components(spec: APISpec) -> None:
    """What the operations refer to."""
    spec.components.schema("CoreProblem", dict(PROBLEM))
    for name, header in HEADERS.items():
        spec.components.header(name, dict(header))
    spec.components.parameter("IdempotencyKey", "header", dict(IDEMPOTENCY_KEY))
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})


def document_operation(doc: dict[str, Any], doc_info: dict[str, Any], *, spec: APISpec, **context: Any) -> dict[str, Any]:
    """Add what the operation record promises to the documentation of a route."""
    promise: Promise | None = doc_info.get("promise")
    if promise is None:
        return doc
    operation = promise.operation
    doc["operationId"] = promise.operation_id
    doc["security"] = [] if operation.public else [{"bearer": []}]
    doc.update({f"x-{name}": value for name in ("permission", "limit") if (value := getattr(operation, name))})
    if operation.idempotent:
        doc.setdefault("parameters", []).append("IdempotencyKey")
    found = sorted(set(_errors(promise, doc)), key=lambda error: (error.status, error.code))
    doc["responses"] = {
        **_successes(doc.get("responses", {}), operation),
        **{status: _response(spec, status, list(group)) for status, group in groupby(found, key=lambda error: error.status)},
    }
    return doc


def _successes(responses: dict[Any, Any], operation: Operation) -> dict[Any, Any]:
    """What the view declared, with headers; without flask-smorest's own bare 422."""
    names = (*_EVERYWHERE, *(("Idempotency-Replayed",) if operation.idempotent else ()))
    declared = {status: response for status, response in responses.items() if isinstance(response, dict)}
    for response in declared.values():
        response["headers"] = {**{name: name for name in names}, **response.get("headers", {})}
    return declared


def _errors(promise: Promise, doc: dict[str, Any]) -> Iterator[type[DomainError]]:
    """All that this route can answer with: the edge, the guards, the parsing, the key, the view."""
    operation = promise.operation
    query = [parameter for parameter in doc.get("parameters", []) if isinstance(parameter, dict)]
    form = "requestBody" in doc and "application/json" not in doc["requestBody"]["content"]
    conditions: dict[type[DomainError], object] = {
        errors.HostRefused: True,
        errors.MalformedRequest: True,
        errors.BodyTooLarge: True,  # what takes no body refuses one of any size
        errors.AddressTooLong: True,
        errors.UnsupportedMediaType: not form,
        errors.Invalid: True,  # what takes no query refuses one
        errors.TooManyRequests: True,
        errors.HeadersTooLarge: True,
        errors.InternalError: True,
        errors.DatabaseUnavailable: True,
        errors.Unauthenticated: not operation.public,
        errors.Forbidden: operation.permission,
        errors.NotFound: "<" in promise.rule,
        errors.MissingIdempotencyKey: operation.idempotent,
        errors.IdempotencyKeyInUse: operation.idempotent,
        errors.IdempotencyKeyReused: operation.idempotent,
        errors.ValueOutOfRange: "requestBody" in doc or query or "<int" in promise.rule,
        errors.InvalidCursor: any("cursor" in getattr(parameter.get("schema"), "_declared_fields", ()) for parameter in query),
    }
    yield from (error for error, applies in conditions.items() if applies)
    yield from operation.errors


def _response(spec: APISpec, status: int, group: list[type[DomainError]]) -> dict[str, str]:
    """A reference to the shared response that lists exactly these codes."""
    codes = [error.code for error in group]
    name = "-".join([str(status), *codes])
    if name not in spec.components.responses:
        only = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
        schema = {"allOf": [{"$ref": "#/components/schemas/CoreProblem"}, only]}
        lines = "".join(f"\n- `{error.code}`: {error.title}." for error in group)
        response = {
            "description": f"{HTTPStatus(status).phrase}\n{lines}",
            "headers": {header: header for header in (*_EVERYWHERE, *_BY_STATUS.get(status, ()))},
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        spec.components.response(name, response)
    return {"$ref": f"#/components/responses/{name}"}  # the bare name would be searched for "headers", as if it were the response
