"""JSON as the API reads and writes it: nothing that two parsers could understand differently, or PostgreSQL could not store."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from flask import Flask, Response
from flask.json.provider import JSONProvider

from app.core.errors import MalformedRequest

DEEPEST = 32  # levels of objects and arrays; far below what the interpreter's own recursion bears

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_OTHER = bytes(set(range(256)) - set(b"[]{}"))


def loads(raw: str | bytes) -> Any:
    """Read one JSON value, or raise MalformedRequest with what is wrong and what to do."""
    try:
        text = raw.decode() if isinstance(raw, bytes) else raw
    except UnicodeDecodeError:
        _refuse("The body is not UTF-8.")
    _check_depth(text)
    try:
        value = _decoder.decode(text)
    except ValueError as error:  # also numbers of thousands of digits
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "a number"
        _refuse(f"The body is not JSON: see {where}.")
    if "\\u" in text:
        _check_texts(value)
    return value


def dumps(value: object) -> str:
    """Write JSON without spaces; times as RFC 3339 in UTC with Z. NaN and infinity are refused."""
    return _encoder.encode(value)


def encode(value: object) -> bytes:
    """The same as bytes; a lone surrogate, which UTF-8 cannot hold, stays the escape that it came as."""
    return dumps(value).encode("utf-8", "backslashreplace")


def timestamp(moment: datetime) -> str:
    """A moment as the API says it: RFC 3339, UTC, Z. A time without a zone is refused: nobody knows when it is."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: use datetime.now(UTC), and TIMESTAMP(timezone=True) columns")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class StrictJson(JSONProvider):
    """What Flask reads and writes JSON with, so that `request.get_json()` is as strict as `arguments`."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return loads(s)

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return dumps(obj)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return Response(encode(self._prepare_response_obj(args, kwargs)), mimetype="application/json")


def init_app(app: Flask) -> None:
    """Make Flask read and write JSON our way."""
    app.json = StrictJson(app)


def _refuse(detail: str) -> NoReturn:
    raise MalformedRequest(detail)


def _default(value: object) -> str:
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON: dump it with a schema")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _refuse("An object in the body has the same key twice.")
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        _refuse("A number in the body is too large.")
    return number


def _no_constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON.")


_encoder = json.JSONEncoder(default=_default, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)


def _check_depth(text: str) -> None:
    # Most bodies hold fewer brackets than the limit has levels, and two counts prove it.
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    brackets = _STRING.sub(b"", text.encode("utf-8", "replace")).translate(_ONE_KIND, _OTHER)
    # Each round takes the innermost level away, at the speed of C: a walk over a megabyte of brackets takes a third of a second.
    for _ in range(DEEPEST):
        brackets = brackets.replace(b"[]", b"")
    if brackets.count(b"[") > DEEPEST or b"[]" in brackets:
        _refuse(f"The body is nested deeper than {DEEPEST} levels.")


def _check_texts(value: object) -> None:
    for text in _texts(value):
        # UTF-8 cannot hold the one, PostgreSQL not the other.
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            _refuse("A text in the body holds a NUL or half of a surrogate pair.")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
