"""Whatever bytes come in: they are refused, or they are something that can be stored and written again."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.errors import MalformedRequest
from app.core.schemas import SAFE_INTEGER, Integer, Schema, Texts
from app.core.web.json import DEEPEST, encode, loads

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20)
NEARLY = st.text(alphabet='{}[]":,\\u0dn1e9.- tfN', max_size=60)


def read(raw: bytes) -> Any:
    """What was read, or MalformedRequest itself."""
    try:
        return loads(raw)
    except MalformedRequest:
        return MalformedRequest


@settings(deadline=None)
@given(st.binary(max_size=200) | NEARLY.map(str.encode))
@example(b'"\\ud800"')
@example(b'{"\\u0000": 1}')
def test_bytes_are_refused_or_can_be_stored(raw: bytes) -> None:
    """No other exception; and what passes is UTF-8 without a NUL, finite, and comes back as it was."""
    value = read(raw)
    if value is not MalformedRequest:
        written = encode(value)
        assert "\0" not in json.dumps(value, ensure_ascii=False)
        assert b"\\u0000" not in written.replace(b"\\\\", b"")
        assert loads(written) == value


@settings(deadline=None)
@given(VALUES)
def test_clean_values_pass(value: Any) -> None:
    """What json writes from values without NUL and surrogates is taken; with them it is refused."""
    text = json.dumps(value)
    dirty = "\\u0000" in text.replace("\\\\", "") or any(
        "\ud800" <= character <= "\udfff" for character in json.dumps(value, ensure_ascii=False)
    )
    assert read(text.encode()) == (MalformedRequest if dirty else value)


@given(st.integers(min_value=1, max_value=200), st.sampled_from(["[]", "{}"]))
def test_depth_ends_where_it_is_said_to(depth: int, kind: str) -> None:
    """At 32 levels, of arrays and of objects."""
    opening = {"[]": "[", "{}": '{"a":'}[kind]
    raw = (opening * depth + "1" + kind[1] * depth).encode()
    assert (read(raw) is MalformedRequest) == (depth > DEEPEST)


@given(st.integers() | st.integers(-(2**54), 2**54) | st.text(max_size=20) | st.text("0123456789-+._١ ", max_size=4))
@example("-")
@example("１２３")
def test_an_integer_in_a_query_is_its_plain_digits(value: int | str) -> None:
    """As JSON would have it, within what every parser reads exactly."""

    class Query(Schema):
        number = Integer()

    accepted = not Query().validate(Texts(number=str(value)))
    plain = isinstance(value, int) or (value.isascii() and value.removeprefix("-").isdigit())
    assert accepted == bool(plain and abs(int(value)) <= SAFE_INTEGER and len(str(value).removeprefix("-")) <= 17)
