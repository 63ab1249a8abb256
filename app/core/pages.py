"""Lists in pages: a cursor holds the place of the last item, so what is inserted meanwhile moves nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import request
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from app.core.db import session
from app.core.errors import InvalidCursor
from app.core.schemas import Integer, Schema, String
from app.core.state import state
from app.core.web.json import dumps

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

Column = ColumnElement[Any] | InstrumentedAttribute[Any]


class PageQuery(Schema):
    """The query of a list. Subclass it to add filters."""

    limit = Integer(minimum=1, maximum=MAX_LIMIT, load_default=DEFAULT_LIMIT, metadata={"description": "How many items at most."})
    cursor = String(longest=4000, metadata={"description": "`next_cursor` of the page before; leave out for the first page."})


@cache
def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a page: `{"items": [...], "next_cursor": "..." | null}`."""
    name = item.__name__.removesuffix("Schema") + "Page"
    members: dict[str, Any] = {
        "__module__": item.__module__,
        "__doc__": f"A page of {item.__name__}.",
        "items": ma.fields.List(ma.fields.Nested(item), required=True),
        "next_cursor": String(required=True, longest=4000, allow_none=True, metadata={"description": "Null on the last page."}),
    }
    return type(name, (Schema,), members)


def page(select: Select[Any], *, key: Sequence[Column], query: Mapping[str, Any], newest_first: bool = True) -> dict[str, Any]:
    """One page of a select, in one statement; dump it with `page_of(schema)`.

    `key` are columns, never null, that together are unique and stand in an index, for example `(Thing.created_at, Thing.id)`.
    `query` is what a PageQuery read. Raises InvalidCursor for a cursor of another list, of other filters or of another order.
    """
    order, bound, width = tuple_(*key), _bound(key, newest_first=newest_first), len(select.column_descriptions)
    if cursor := query.get("cursor"):
        place = tuple_(*(literal(value, column.type) for value, column in zip(_read(cursor, bound), key, strict=True)))
        select = select.where(order < place if newest_first else order > place)
    select = select.order_by(*(column.desc() if newest_first else column.asc() for column in key)).limit(query["limit"] + 1)
    # The key rides along under names of its own, whatever the select itself asks for.
    rows = session().execute(select.add_columns(*(column.label(f"_key_{place}") for place, column in enumerate(key)))).all()
    shown = rows[: query["limit"]]
    return {
        "items": [row[0] if width == 1 else row._mapping for row in shown],
        "next_cursor": _write(shown[-1][-len(key) :], bound) if len(rows) > len(shown) else None,
    }


def _bound(key: Sequence[Column], *, newest_first: bool) -> str:
    """What a cursor is good for: this address, these filters, this order."""
    filters = sorted((name, values) for name, values in request.args.lists() if name not in PageQuery._declared_fields)
    said = [request.path, filters, [str(column) for column in key], newest_first]
    return hashlib.sha256(dumps(said).encode()).hexdigest()[:16]


def _write(values: Iterable[Any], bound: str) -> str:
    text: str = _signer(state().settings.secret_keys).dumps([bound, *map(_plain, values)])
    return text


def _read(cursor: str, bound: str) -> list[Any]:
    try:
        known, *values = _signer(state().settings.secret_keys).loads(cursor)
    except BadData as error:
        raise InvalidCursor from error
    if known != bound:
        raise InvalidCursor("This cursor was given for another list, other filters or another order. Start again without it.")
    return [_WRITTEN[value[0]](value[1]) if isinstance(value, list) else value for value in values]


@cache
def _signer(secret_keys: tuple[str, ...]) -> URLSafeSerializer:
    # Itsdangerous signs with the last and tries all; ours has the one that signs first.
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(list(reversed(secret_keys)), salt="playhall.cursor", signer_kwargs=options)


_WRITTEN: dict[str, Callable[[str], Any]] = {"time": datetime.fromisoformat, "id": UUID}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return ["time", value.isoformat()]
    return ["id", value.hex] if isinstance(value, UUID) else value
