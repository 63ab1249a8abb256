"""The size of a body, also of one that does not say how long it is."""

from __future__ import annotations

from typing import Any

import flask
from flask import Flask

from app.core.errors import BodyTooLarge


class Request(flask.Request):
    """Werkzeug cuts a chunked body off at the largest size and goes on with what is left; this one refuses it."""

    def get_data(self, *args: Any, **options: Any) -> Any:
        """The body, or BodyTooLarge."""
        data = super().get_data(*args, **options)
        if self.content_length is None and len(data) == self.max_content_length and self.environ["wsgi.input"].read(1):
            raise BodyTooLarge
        return data


def init_app(app: Flask) -> None:
    """Read every request so."""
    app.request_class = Request
