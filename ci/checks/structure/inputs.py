"""Payloads for a job that nobody has asked for: by the types of its arguments, with ids of rows that are there."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from app.core.events import Event
from app.core.queue.payload import encode
from playhall.testing.rows import Rows

_SAMPLES: dict[Any, Any] = {
    UUID: UUID("01900000-0000-7000-8000-0000000000bb"),
    datetime: datetime(2026, 2, 28, 23, 59, 59, 999999, UTC),
    int: 1,
    bool: True,
    str: "text",
    type(None): None,
}


def of_event(event: type[Event]) -> dict[str, Any]:
    """The types of what an event carries."""
    hints = get_type_hints(event)
    return {field.name: hints[field.name] for field in dataclasses.fields(event)}


def of_handler(handler: Callable[..., Any]) -> dict[str, Any]:
    """The types of what a handler demands."""
    hints = get_type_hints(handler)
    parameters = inspect.signature(handler).parameters.items()
    return {name: hints[name] for name, one in parameters if name in hints and one.default is one.empty}


def payloads(hints: Mapping[str, Any], owner: str, rows: Rows, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Up to two payloads as JSON, with the ids of a row that has only what is demanded and of one that has everything.

    `account_id` is the account's, `<thing>_id` that of a row of the owner's table `<owner>_<thing>`; what is `given` goes first.
    """
    made: list[dict[str, Any]] = []
    for number in (-1, 0):
        payload = {name: encode(_value(hint)) for name, hint in hints.items()} | _ids(hints, owner, rows, number) | dict(given)
        if payload not in made:
            made.append(payload)
    return made


def _ids(hints: Mapping[str, Any], owner: str, rows: Rows, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in hints:
        table = "core_account" if name == "account_id" else f"{owner}_{name.removesuffix('_id')}"
        if name.endswith("_id") and (there := rows.get(table)) and "id" in there[number]:
            found[name] = there[number]["id"]
            if "account_id" in hints and "account_id" in there[number]:
                found["account_id"] = there[number]["account_id"]
    return found


def _value(hint: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _value(next(one for one in inner if one is not type(None)))
    if origin in (tuple, list):
        return [_value(one) for one in inner if one is not ...]
    if origin in (dict, Mapping):
        return {"key": _value(inner[1])}
    return _SAMPLES[hint]
