"""Reading a request strictly: what is accepted is what the OpenAPI document says."""

from __future__ import annotations

from typing import Any, NoReturn

import marshmallow as ma
from flask import Request
from webargs.flaskparser import FlaskParser

from app.core.errors import Invalid, MalformedRequest, UnsupportedMediaType
from app.core.schemas import Texts
from app.core.web.json import loads

QUERY = frozenset({"query", "querystring"})  # the locations of arguments that stand for a query
_NO_BODY = frozenset({None, "", "0"})


def refuse_body(req: Request) -> None:
    """For an operation that takes no body: BodyTooLarge, UnsupportedMediaType or MalformedRequest when it is sent one."""
    if req.environ.get("CONTENT_LENGTH") in _NO_BODY and "HTTP_TRANSFER_ENCODING" not in req.environ:
        return
    if body := req.get_data():
        _demand_json(req)
        loads(body)
        raise MalformedRequest("This operation takes no body: send none.")


def refuse_query(req: Request) -> None:
    """For an operation that takes no query: Invalid when it is sent one."""
    if req.environ.get("QUERY_STRING") and req.args:
        raise Invalid("This operation takes no query: see errors.", errors={name: ["Unknown field."] for name in req.args})


class StrictParser(FlaskParser):
    """Bodies are JSON objects in UTF-8 sent as application/json; a query has no parameter that its schema does not name.

    A list in a query is its parameter repeated (`?tag=a&tag=b`); any other repeated parameter is refused.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": ma.RAISE, "querystring": ma.RAISE}

    def load_json(self, req: Request, schema: ma.Schema) -> dict[str, Any]:
        """The body, or MalformedRequest or UnsupportedMediaType."""
        _demand_json(req)
        body = loads(req.get_data())
        if not isinstance(body, dict):
            raise MalformedRequest("The body must be a JSON object: {...}.")
        return body

    def load_querystring(self, req: Request, schema: ma.Schema) -> Texts:
        """The query's parameters by name; raises ValidationError when one that is no list is repeated."""
        lists = {field.data_key or name for name, field in schema.load_fields.items() if isinstance(field, ma.fields.List)}
        given = dict(req.args.lists())
        if repeated := [name for name, values in given.items() if len(values) > 1 and name not in lists]:
            raise ma.ValidationError({name: ["Given more than once."] for name in repeated})
        return Texts({name: values if name in lists else values[0] for name, values in given.items()})

    def handle_error(self, error: ma.ValidationError, req: Request, schema: ma.Schema, **options: Any) -> NoReturn:
        """Answer 422 with the errors by field, whether they were in the body or in the query."""
        messages: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        [by_field] = messages.values()  # webargs put the location around them
        raise Invalid("Some fields are wrong: see errors.", errors=by_field) from error


def _demand_json(req: Request) -> None:
    charset = req.mimetype_params.get("charset", "utf-8").lower()
    if req.mimetype != "application/json" or charset not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType("Send the body as JSON in UTF-8, with the header Content-Type: application/json.")
    if "HTTP_CONTENT_ENCODING" in req.environ:
        raise UnsupportedMediaType("Send the body as it is: Content-Encoding is not understood here.")
