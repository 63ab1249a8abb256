"""Every error becomes a problem document (RFC 9457), whoever raised it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import psycopg
from flask import Flask, Response, request
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from app.core import errors
from app.core.errors import DomainError
from app.core.operating.outage import as_domain_error
from app.core.settings import CoreSettings
from app.core.web.json import encode

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "playhall.request_id"  # in the WSGI environ; the edge puts it there

# What a caller sent does not fit: out of range, too long, a date there is none of, a character that cannot be stored.
# Class 22 as a whole would also hold a division by zero, which is our own mistake.
_OUT_OF_RANGE = {None, "22001", "22003", "22008", "22021", "22P05"}

_BY_STATUS: dict[int, type[DomainError]] = {
    400: errors.MalformedRequest,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
    422: errors.Invalid,
    429: errors.TooManyRequests,
}


def document(error: DomainError, request_id: str) -> tuple[bytes, list[tuple[str, str]]]:
    """The body and the headers of the answer to an error."""
    headers = {"Content-Type": MEDIA_TYPE, **error.headers}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return encode({**error.problem(), "request_id": request_id}), list(headers.items())


def status_of(error: DomainError) -> int:
    """The status that it is answered with: its class's, unless it stands for an error without a class."""
    status = error.extra.get("status", error.status)
    assert isinstance(status, int)
    return status


def init_app(app: Flask, settings: CoreSettings) -> None:
    """Handle every error of the application, also of routes that do not exist."""
    # In tests too: what is tested is what is served.
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.register_error_handler(DomainError, _answer)
    app.register_error_handler(HTTPException, _on_http(show_internals=settings.debug))
    app.register_error_handler(SQLAlchemyError, _on_database)
    app.register_error_handler(psycopg.Error, _on_database)


def _answer(error: DomainError) -> Response:
    body, headers = document(error, request.environ.get(REQUEST_ID, ""))
    return Response(body, status_of(error), headers)


def _on_http(*, show_internals: bool) -> Callable[[HTTPException], Response]:
    def handle(error: HTTPException) -> Response:
        if isinstance(error, InternalServerError):
            return _answer(_internal(error.original_exception if show_internals else None))
        return _answer(_translate(error))

    return handle


def _internal(cause: BaseException | None) -> DomainError:
    error = errors.InternalError("Something went wrong here. Quote the request_id when you report it.")
    if cause:
        error.extra["traceback"] = traceback.format_exception(cause)
    return error


def _translate(error: HTTPException) -> DomainError:
    """Werkzeug's error as ours. What has no code of its own keeps its status and title."""
    headers = {"Allow": ", ".join(sorted(error.valid_methods or ()))} if isinstance(error, MethodNotAllowed) else {}
    if kind := _BY_STATUS.get(error.code or 0):
        # Werkzeug's own words are for people at a browser; those of whoever called abort() are kept.
        return kind(error.description if error.description != type(error).description else None, headers=headers)
    return DomainError(error.description, status=error.code, title=error.name)


def _on_database(error: Any) -> Response:
    if known := as_domain_error(error) or _out_of_range(error):
        return _answer(known)
    raise error  # Flask logs it and answers 500


def _out_of_range(error: Exception) -> DomainError | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.DataError) and cause.sqlstate in _OUT_OF_RANGE:
        return errors.ValueOutOfRange()
    return None
