"""References in an OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def resolved(said: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the document, or what it refers to."""
    while "$ref" in said:
        found: Any = document
        for part in said["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        said = found
    return said
