"""Reading a request body strictly."""

from __future__ import annotations

from webargs.flaskparser import FlaskParser


class StrictParser(FlaskParser):
    """Bodies are JSON objects in UTF-8, without duplicate keys or numbers that are none."""
