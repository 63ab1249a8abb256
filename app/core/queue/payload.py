"""What travels in an event or a job: JSON on the way, typed at both ends."""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Union, get_args, get_origin
from uuid import UUID

_PLAIN = (bool, int, str, type(None))
_USE = "use UUID, datetime, int, bool, str, None, and tuples and dicts of these"


def encode(value: object) -> Any:
    """The JSON form of a value; raises TypeError for what has none."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"{value!r} has no time zone; use datetime.now(UTC)")
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [encode(one) for one in value]
    if isinstance(value, Mapping):
        return {_key(key): encode(one) for key, one in value.items()}
    raise TypeError(f"{type(value).__name__} cannot travel; {_USE}")


def decode(value: Any, hint: Any) -> Any:
    """The value that a JSON form stands for, by the type that is expected; raises TypeError or ValueError."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else decode(value, _other_than_none(hint))
    if hint is UUID:
        return UUID(value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    if origin is tuple:
        hints = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return tuple(decode(one, each) for one, each in zip(value, hints, strict=True))
    if origin is list:
        return [decode(one, inner[0]) for one in value]
    if origin in (dict, Mapping):
        return {key: decode(one, inner[1]) for key, one in value.items()}
    return value


def problem(hint: Any) -> str | None:
    """Why a value of this type cannot travel; None when it can."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        others = [one for one in inner if one is not type(None)]
        return problem(others[0]) if len(others) == 1 else f"{hint} has more than one meaning; only 'X | None' can travel"
    if origin is tuple:
        return next((found for one in inner if one is not ... and (found := problem(one))), None)
    if origin in (dict, Mapping):
        return problem(inner[1]) if inner[0] is str else f"{hint} has keys that are no str, and JSON has no others"
    return None if hint in (*_PLAIN, UUID, datetime) else f"{getattr(hint, '__name__', hint)} cannot travel; {_USE}"


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} is no str, and JSON has no others")
    return key


def _other_than_none(hint: Any) -> Any:
    others = [one for one in get_args(hint) if one is not type(None)]
    return others[0] if len(others) == 1 else Any
