"""The body of a request: whole, and not larger than it may be, also when it does not say how long it is."""

from __future__ import annotations

from typing import Any

import flask
from flask import Flask
from gunicorn.http.errors import ParseException

from app.core.errors import BodyTooLarge, MalformedRequest


class Request(flask.Request):
    """Werkzeug takes what came for the whole, and cuts a chunked body off at the largest size; this one refuses both."""

    def get_data(self, *args: Any, **options: Any) -> Any:
        """The body, or BodyTooLarge, or MalformedRequest."""
        try:
            data = super().get_data(*args, **options)
            more = self.content_length is None and len(data) == self.max_content_length and self.environ["wsgi.input"].read(1)
        except (ParseException, OSError) as error:  # its chunks are none, or whoever sends them has left
            raise MalformedRequest("The body does not arrive whole: a chunk is wrong or missing.") from error
        if more:
            raise BodyTooLarge
        if len(data) < (self.content_length or 0):
            raise MalformedRequest("The body ends before its Content-Length.")
        return data


def init_app(app: Flask) -> None:
    """Read every request so."""
    app.request_class = Request
