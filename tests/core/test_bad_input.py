"""What bad input gets over the real application: a problem document that a browser may read, and never a 5xx.

The client holds every answer against the OpenAPI document, and fails on one without the headers of the edge.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from conforming import ConformingClient
from guarding import SignIn
from sampling import THINGS, document, guarded_app, order, sample, sign_in

__all__ = ["document", "guarded_app", "order", "sample", "sign_in"]

Send = Callable[..., Any]

MALFORMED = {
    "nothing": b"",
    "cut off": b'{"count": 1',
    "no quotes": b"{count: 1}",
    "trailing comma": b'{"count": 1,}',
    "two values": b'{"count": 1}{}',
    "comment": b'{"count": 1} // x',
    "byte order mark": b'\xef\xbb\xbf{"count": 1}',
    "UTF-16": '{"count": 1}'.encode("utf-16"),
    "latin-1": '{"count": 1, "name": "é"}'.encode("latin-1"),
    "surrogate in UTF-8": b'{"count": 1, "name": "\xed\xa0\x80"}',
    "array": b'[{"count": 1}]',
    "text": b'"count"',
    "number": b"1",
    "null": b"null",
    "raw NUL": b'{"count": 1, "name": "\x00"}',
    "escaped NUL": rb'{"count": 1, "name": "a\u0000b"}',
    "escaped NUL in a key": rb'{"count": 1, "\u0000": 1}',
    "NUL deep inside": rb'{"count": 1, "tags": [{"a": ["\u0000"]}]}',
    "lone surrogate": rb'{"count": 1, "name": "\ud800"}',
    "surrogates in the wrong order": rb'{"count": 1, "name": "\udc00\ud800"}',
    "duplicate key": b'{"count": 1, "count": 2}',
    "duplicate key, escaped": rb'{"count": 1, "\u0063ount": 2}',
    "duplicate key inside": b'{"count": 1, "price": {"amount": 1, "amount": 2, "currency": "gem"}}',
    "NaN": b'{"count": NaN}',
    "Infinity": b'{"count": Infinity}',
    "minus Infinity": b'{"count": -Infinity}',
    "1e400": b'{"count": 1e400}',
    "-1e400": b'{"count": -1e400}',
    "5000 digits": b'{"count": ' + b"9" * 5000 + b"}",
    "arrays in arrays": b'{"count": 1, "tags": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "arrays never closed": b"[" * 100_000,
    "objects in objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "33 levels": b'{"count": 1, "tags": ' + b"[" * 32 + b"]" * 32 + b"}",
    "brackets in a text do not close": b'{"tags": ' + b'["]",' * 40 + b"1" + b"]" * 40 + b"}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_body_that_is_no_clean_json_object_is_malformed(order: Send, body: bytes) -> None:
    """400, and what to do in words."""
    answer = order(data=body)
    assert (answer.status_code, answer.json["code"]) == (400, "core.malformed_request")
    assert answer.json["detail"].endswith(".")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing given": ({}, "count"),
    "bool for int": ({"count": True}, "count"),
    "text for int": ({"count": "1"}, "count"),
    "Unicode digits": ({"count": "１２３"}, "count"),
    "1.0 for int": ({"count": 1.0}, "count"),
    "null": ({"count": None}, "count"),
    "list for int": ({"count": [1]}, "count"),
    "2^53": ({"count": 2**53}, "count"),
    "2^63": ({"count": 2**63}, "count"),
    "-2^63-1": ({"count": -(2**63) - 1}, "count"),
    "4000 digits": ({"count": 10**3999}, "count"),
    "below the smallest": ({"count": 0}, "count"),
    "unknown field": ({"count": 1, "is_admin": True}, "is_admin"),
    "int for text": ({"count": 1, "name": 5}, "name"),
    "long text": ({"count": 1, "name": "x" * 21}, "name"),
    "megabyte of text": ({"count": 1, "name": "x" * 1_000_000}, "name"),
    "int for bool": ({"count": 1, "gift": 1}, "gift"),
    "text for bool": ({"count": 1, "gift": "yes"}, "gift"),
    "id in braces": ({"count": 1, "thing": "{0197f3a4-5b6c-7d8e-9f00-112233445566}"}, "thing"),
    "id without hyphens": ({"count": 1, "thing": "0197f3a45b6c7d8e9f00112233445566"}, "thing"),  # pragma: allowlist secret
    "int for id": ({"count": 1, "thing": 1}, "thing"),
    "moment without zone": ({"count": 1, "until": "2026-01-31T12:00:00"}, "until"),
    "a day there is none of": ({"count": 1, "until": "2026-02-30T12:00:00Z"}, "until"),
    "moment before year 1": ({"count": 1, "until": "0001-01-01T00:00:00+10:00"}, "until"),
    "moment as a number": ({"count": 1, "until": 1767225600}, "until"),
    "float amount": ({"count": 1, "price": {"currency": "gem", "amount": 1.5}}, "price"),
    "amount for an object": ({"count": 1, "price": 5}, "price"),
    "currency in small letters": ({"count": 1, "paid": {"currency": "krw", "amount": 5}}, "paid"),
    "currency with a newline": ({"count": 1, "paid": {"currency": "KRW\n", "amount": 5}}, "paid"),
    "object for a list": ({"count": 1, "tags": {}}, "tags"),
    "text for a list": ({"count": 1, "tags": "ab"}, "tags"),
    "list of numbers": ({"count": 1, "tags": [1]}, "tags"),
    "list for an object": ({"count": 1, "extra": []}, "extra"),
    "big number in an object": ({"count": 1, "extra": {"a": 2**63}}, "extra"),
}


@pytest.mark.parametrize(("body", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_field_is_named(order: Send, body: dict[str, Any], field: str) -> None:
    """422, with messages under the field and under no other."""
    answer = order(json=body)
    assert (answer.status_code, answer.json["code"]) == (422, "core.invalid")
    assert list(answer.json["errors"]) == [field]


def test_every_wrong_field_is_named_at_once(order: Send) -> None:
    """A form can show all its mistakes."""
    errors = order(json={"count": 0, "name": 5, "price": {"amount": "1"}, "tags": ["ok", 1]}).json["errors"]
    assert errors.keys() == {"count", "name", "price", "tags"}
    assert errors["price"].keys() == {"amount", "currency"}
    assert errors["tags"].keys() == {"1"}


TAKEN: dict[str, dict[str, Any]] = {
    "the largest number": {"count": 100, "extra": {"a": 2**53 - 1, "b": -(2**53) + 1}},
    "any script": {"count": 1, "name": "한국어 🎲"},
    "escapes": {"count": 1, "name": '\\u0000 " / \n'},
    "upper case id": {"count": 1, "thing": "0197F3A4-5B6C-7D8E-9F00-112233445566"},
    "a moment elsewhere": {"count": 1, "until": "2026-01-31T12:00:00.5+09:00"},
    "null where it may be": {"count": 1, "thing": None},
    "32 levels are read": {"count": 1, "tags": [], "price": {"currency": "gem", "amount": -5}},
    "many brackets, not deep": {"count": 1, "tags": ["[[[["] * 50, "extra": {}},
}


@pytest.mark.parametrize("body", TAKEN.values(), ids=TAKEN.keys())
def test_what_is_unusual_but_right_is_taken(order: Send, body: dict[str, Any]) -> None:
    """Strict is not the same as narrow."""
    assert order(json=body).status_code == 201


def test_a_moment_comes_back_in_utc(order: Send) -> None:
    """With Z, whatever zone it was sent in."""
    assert order(json={"count": 1, "until": "2026-01-31T12:00:00+09:00"}).json["until"] == "2026-01-31T03:00:00Z"


def test_many_flat_brackets_are_not_deep(order: Send) -> None:
    """Depth is counted, not brackets."""
    answer = order(data=b'{"count": 1, "tags": [' + b"[]," * 500 + b"[]]}")
    assert answer.json["code"] == "core.invalid"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/vnd.api+json",
        "application/jsonx",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "text/json",
        "*/*",
    ],
)
def test_anything_but_json_is_the_wrong_type(order: Send, content_type: str) -> None:
    """415: a form of another site cannot reach a view."""
    answer = order(data=b'{"count": 1}', content_type=content_type)
    assert (answer.status_code, answer.json["code"]) == (415, "core.unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_in_utf_8_is_the_right_type(order: Send, content_type: str) -> None:
    """In any case, with or without a charset."""
    assert order(data=b'{"count": 1}', content_type=content_type).status_code == 201


@pytest.mark.parametrize("coding", ["gzip", "br", "identity", "x"])
def test_an_encoded_body_is_the_wrong_type(order: Send, coding: str) -> None:
    """415, and not a complaint about what its bytes look like."""
    answer = order(data=b'{"count": 1}', headers={"Content-Encoding": coding})
    assert (answer.status_code, answer.json["code"]) == (415, "core.unsupported_media_type")
    assert "Content-Encoding" in answer.json["detail"]


def test_a_body_over_the_limit_is_refused(order: Send) -> None:
    """413 at one byte more than the setting's 1 MiB, and not before."""
    fits = b'{"count": 1, "name": "' + b"x" * (1_048_576 - 24) + b'"}'
    assert len(fits) == 1_048_576
    assert order(data=fits).json["code"] == "core.invalid"
    answer = order(data=fits + b" ")
    assert (answer.status_code, answer.json["code"]) == (413, "core.body_too_large")


def test_a_chunked_body_over_the_limit_is_refused(order: Send) -> None:
    """A body that does not say how long it is, is counted while it is read; nothing is cut off and taken for the whole."""
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    whole = b'{"count": 1}' + b" " * (1_048_576 - 12)
    fits = order(input_stream=io.BytesIO(whole), content_type="application/json", environ_overrides=environ)
    assert fits.status_code == 201
    stream = io.BytesIO(whole + b" " * 1_000_000)
    answer = order(input_stream=stream, content_type="application/json", environ_overrides=environ)
    assert (answer.status_code, answer.json["code"]) == (413, "core.body_too_large")
    assert stream.tell() <= 1_048_577


THING = f"{THINGS}/01900000-0000-7000-8000-0000000000aa"  # the same in every worker that collects it
BODILESS = [("GET", THINGS), ("GET", THING), ("DELETE", THING), ("POST", f"{THING}/copies")]
UNWANTED: dict[str, tuple[dict[str, Any], int, str]] = {
    "malformed": ({"data": b"{", "content_type": "application/json"}, 400, "core.malformed_request"),
    "a key twice": ({"data": b'{"a": 1, "a": 2}', "content_type": "application/json"}, 400, "core.malformed_request"),
    "well formed": ({"json": {"count": 1}}, 400, "core.malformed_request"),
    "empty object": ({"json": {}}, 400, "core.malformed_request"),
    "another type": ({"data": b"count=1", "content_type": "application/x-www-form-urlencoded"}, 415, "core.unsupported_media_type"),
    "no type": ({"data": b"{}"}, 415, "core.unsupported_media_type"),
    "too large": ({"data": b" " * 1_048_577, "content_type": "application/json"}, 413, "core.body_too_large"),
}


def unasked(sample: ConformingClient, sign_in: SignIn, method: str, path: str, **options: Any) -> Any:
    """The answer to a request of a signed-in account, right but for what is given."""
    environ = options.pop("environ", {})
    return sample.open(path, method=method, headers={**sign_in().headers, "Idempotency-Key": "once"}, environ_overrides=environ, **options)


@pytest.mark.parametrize(("method", "path"), BODILESS, ids=lambda part: part.split("/")[-1])
@pytest.mark.parametrize(("body", "status", "code"), UNWANTED.values(), ids=UNWANTED.keys())
def test_a_body_that_nobody_asked_for_is_refused(
    sample: ConformingClient, sign_in: SignIn, method: str, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    """Whatever the method, and whatever is in it: ignored, it would hide a mistake of whoever sent it."""
    answer = unasked(sample, sign_in, method, path, **body)
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_it_is_told_what_to_do_about_it(sample: ConformingClient, sign_in: SignIn) -> None:
    """When nothing else is wrong with the body."""
    assert unasked(sample, sign_in, "DELETE", THING, json={}).json["detail"] == "This operation takes no body: send none."


@pytest.mark.parametrize(("pieces", "status"), [(b"", 204), (b"{}", 400), (b"[" * 1_048_577, 413)])
def test_a_chunked_body_that_nobody_asked_for_is_measured(sample: ConformingClient, sign_in: SignIn, pieces: bytes, status: int) -> None:
    """It does not say that it is empty; when it is, it is no body."""
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    given: dict[str, Any] = {"input_stream": io.BytesIO(pieces), "content_type": "application/json", "environ": environ}
    assert unasked(sample, sign_in, "DELETE", THING, **given).status_code == status


def test_whose_body_it_is_comes_first(sample: ConformingClient) -> None:
    """Nothing of a body is looked at for a stranger."""
    assert sample.delete(THING, data=b"{").status_code == 401


@pytest.mark.parametrize(("method", "path"), [one for one in BODILESS if one[1] != THINGS] + [("PUT", THING)])
def test_a_query_that_nobody_asked_for_is_refused(sample: ConformingClient, sign_in: SignIn, method: str, path: str) -> None:
    """422, naming every parameter."""
    answer = unasked(sample, sign_in, method, path, query_string="a=1&b=2&a=3")
    assert (answer.status_code, answer.json["errors"]) == (422, {"a": ["Unknown field."], "b": ["Unknown field."]})


QUERIES = {
    "not a number": ("limit=x", "limit"),
    "Unicode digits": ("limit=%D9%A1", "limit"),
    "plus sign": ("limit=%2B5", "limit"),
    "spaces": ("limit=%205", "limit"),
    "underscore": ("limit=1_0", "limit"),
    "float": ("limit=1.0", "limit"),
    "too small": ("limit=0", "limit"),
    "too large": ("limit=201", "limit"),
    "2^63": ("limit=9223372036854775808", "limit"),
    "thousands of digits": ("limit=" + "9" * 6000, "limit"),
    "empty": ("limit=", "limit"),
    "twice": ("limit=1&limit=2", "limit"),
    "unknown": ("page=2", "page"),
    "bool as a number": ("gift=1", "gift"),
    "long text": ("action=" + "x" * 1001, "action"),
}


@pytest.mark.parametrize(("query", "field"), QUERIES.values(), ids=QUERIES.keys())
def test_a_wrong_query_parameter_is_named(sample: ConformingClient, query: str, field: str) -> None:
    """422, as in a body."""
    answer = sample.get(f"{THINGS}?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "core.invalid")  # type: ignore[index]
    assert list(answer.json["errors"]) == [field]  # type: ignore[index]


@pytest.mark.parametrize("query", ["limit=5", "tag=a&tag=b", "tag=a", "gift=true&oldest_first=false", "action=%ED%95%9C"])
def test_a_right_query_is_taken(sample: ConformingClient, query: str) -> None:
    """A list is its parameter repeated."""
    assert sample.get(f"{THINGS}?{query}").status_code == 200


@pytest.mark.parametrize("query", ["action=%00", "%00=1", "action=%ff", "action=%ed%a0%80"])
def test_a_query_that_no_column_could_hold_is_malformed(sample: ConformingClient, query: str) -> None:
    """Before PostgreSQL sees it."""
    answer = sample.get(f"{THINGS}?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "core.malformed_request")  # type: ignore[index]


@pytest.mark.parametrize("number", ["9999999999999999999", str(2**53), "-1", "1.0", "１２３", "0x1", "1_0", "%00", "+1"])
def test_a_number_in_a_path_has_plain_digits_and_an_end(sample: ConformingClient, number: str) -> None:
    """Else there is no such address."""
    assert sample.get(f"/api/v1/sample/numbers/{number}").status_code in {404, 400}


def test_a_number_that_the_database_cannot_hold_is_out_of_range(sample: ConformingClient) -> None:
    """The last net: 422 and not 500."""
    answer = sample.get(f"/api/v1/sample/numbers/{2**31}")
    assert (answer.status_code, answer.json["code"]) == (422, "core.value_out_of_range")  # type: ignore[index]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize(
    "path", ["/nothing", "/api/v1/sample/nothing", "/api/v1/sample//things", "/api/v1/sample/things/x", "/..", "/%2e%2e/etc", "//"]
)
def test_an_unknown_route_is_a_problem(sample: ConformingClient, path: str, method: str) -> None:
    """404 outside any blueprint too, and no redirect."""
    answer = getattr(sample, method)(path)
    assert (answer.status_code, answer.json["code"]) == (404, "core.not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "get", "X"])
def test_an_unknown_method_is_a_problem(sample: ConformingClient, method: str) -> None:
    """405, with the methods that are."""
    answer = sample.open(THINGS, method=method)
    if method == "get":  # the test client writes it large
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.json["code"]) == (405, "core.method_not_allowed")  # type: ignore[index]
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_a_500_tells_nothing(sample: ConformingClient) -> None:
    """Neither a message nor a statement nor a path."""
    for route in ("broken", "divided"):
        answer = sample.get(f"/api/v1/sample/{route}")
        assert (answer.status_code, json.loads(answer.data)["code"]) == (500, "core.internal")
        assert not [word for word in ("canary", "SELECT", ".py", "psycopg", "zero") if word in answer.text]
