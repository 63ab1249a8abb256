"""What may stand in an address."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from app.core.schemas import SAFE_INTEGER


class SafeInteger(IntegerConverter):
    """`<int:n>` with a largest number and the digits 0 to 9. Werkzeug's takes any length, and digits of every script."""

    regex = r"[0-9]{1,16}"

    def __init__(self, url_map: Map, **options: Any) -> None:
        super().__init__(url_map, **{"max": SAFE_INTEGER, **options})


def init_app(app: Flask) -> None:
    """No address is redirected to another spelling of it: a redirect would be an answer that nobody documented."""
    converters: dict[str, Any] = app.url_map.converters
    converters["int"] = SafeInteger
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
