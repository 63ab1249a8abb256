"""The base of every schema, and fields that accept exactly what the OpenAPI document says."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import validate

from app.core.web.json import timestamp

SAFE_INTEGER = 2**53 - 1  # the largest that every JSON parser reads exactly
LONGEST_TEXT = 1000  # characters, unless the field says otherwise

_DIGITS = re.compile(r"-?[0-9]{1,17}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _also(first: Callable[[Any], Any], options: dict[str, Any]) -> list[Callable[[Any], Any]]:
    """The field's own rule before those that were given."""
    given = options.pop("validate", None)
    return [first, *(given if isinstance(given, list | tuple) else [given] if given else [])]


class Texts(dict[str, Any]):
    """What a query string said: every value is a text, or a list of texts where the schema has a List."""


class Integer(ma.fields.Integer):
    """A whole number in JSON (1, not 1.0, "1" or true), within ±(2^53-1) unless told; digits in a query string."""

    default_error_messages = {"invalid": "Send a whole number, for example 5."}

    def __init__(self, *, minimum: int = -SAFE_INTEGER, maximum: int = SAFE_INTEGER, **options: Any) -> None:
        super().__init__(strict=True, validate=_also(validate.Range(minimum, maximum), options), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if isinstance(data, Texts) and isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class Boolean(ma.fields.Boolean):
    """true or false in JSON; the same words in a query string."""

    default_error_messages = {"invalid": "Send true or false."}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if isinstance(data, Texts):
            value = {"true": True, "false": False}.get(value)
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class String(ma.fields.String):
    """A text of at most `longest` characters."""

    def __init__(self, *, shortest: int | None = None, longest: int = LONGEST_TEXT, **options: Any) -> None:
        super().__init__(validate=_also(validate.Length(shortest, longest), options), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        return value


class UUID(ma.fields.UUID):
    """An id in its one usual spelling, 8-4-4-4-12."""

    default_error_messages = {"invalid_uuid": "Send an id, for example 0197f3a4-5b6c-7d8e-9f00-112233445566."}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> uuid.UUID:
        if not isinstance(value, str) or not _UUID.fullmatch(value):
            raise self.make_error("invalid_uuid")
        return uuid.UUID(value)


class Timestamp(ma.fields.AwareDateTime):
    """A moment: RFC 3339 with a zone when read, in UTC with Z when written."""

    default_error_messages = {"invalid": "Send a moment with its zone, for example 2026-01-31T12:00:00Z."}

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else timestamp(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not _RFC3339.fullmatch(value):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        try:
            return super()._deserialize(value.upper(), attr, data, **kwargs).astimezone(UTC)
        except OverflowError as error:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from error


# Each accepts more than the OpenAPI document can say: "yes" for true, "1" and 1.0 for 1, eight spellings of an id.
_LAX: dict[type[ma.fields.Field[Any]], str] = {
    ma.fields.Integer: "Integer",
    ma.fields.Boolean: "Boolean",
    ma.fields.String: "String",
    ma.fields.UUID: "UUID",
    ma.fields.DateTime: "Timestamp",
    ma.fields.AwareDateTime: "Timestamp",
    ma.fields.NaiveDateTime: "Timestamp",
    ma.fields.Float: "Integer (amounts are integers)",
    ma.fields.Decimal: "Integer (amounts are integers)",
}


class Schema(ma.Schema):
    """Base of every schema. Unknown fields are refused; marshmallow's lax fields are refused when the class is made."""

    class Meta:
        unknown = ma.RAISE

    def on_bind_field(self, field_name: str, field_obj: ma.fields.Field[Any]) -> None:
        """Refuse a field that would accept more than the OpenAPI document says."""
        if instead := _LAX.get(type(field_obj)):
            where = f"{type(self).__name__}.{field_name}"
            raise TypeError(f"{where}: use Playhall's {instead}: marshmallow's own reads more than the OpenAPI document says")


class Amount(Schema):
    """An amount of a virtual currency, in whole units."""

    currency = String(required=True, shortest=1, longest=32, metadata={"example": "gem"})
    amount = Integer(required=True, metadata={"example": 300})


class Money(Schema):
    """An amount of real money, in minor units of the currency (cents; whole won and yen)."""

    currency = String(
        required=True, longest=3, validate=validate.Regexp(r"^[A-Z]{3}$"), metadata={"description": "ISO 4217.", "example": "KRW"}
    )
    amount = Integer(required=True, metadata={"description": "Minor units.", "example": 5900})
