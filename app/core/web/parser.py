"""Reading a request strictly: what is accepted is what the OpenAPI document says."""

from __future__ import annotations

from typing import Any, NoReturn

import marshmallow as ma
from flask import Request
from webargs.flaskparser import FlaskParser

from app.core.errors import Invalid, MalformedRequest, UnsupportedMediaType
from app.core.schemas import Texts
from app.core.web.json import loads


class StrictParser(FlaskParser):
    """Bodies are JSON objects in UTF-8 sent as application/json; a query has no parameter that its schema does not name.

    A list in a query is its parameter repeated (`?tag=a&tag=b`); any other repeated parameter is refused.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": ma.RAISE, "querystring": ma.RAISE}

    def load_json(self, req: Request, schema: ma.Schema) -> dict[str, Any]:
        """The body, or MalformedRequest or UnsupportedMediaType."""
        charset = req.mimetype_params.get("charset", "utf-8").lower()
        if req.mimetype != "application/json" or charset not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType("Send the body as JSON in UTF-8, with the header Content-Type: application/json.")
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
