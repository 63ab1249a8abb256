"""The one OpenAPI document, and the commands that keep the copy in docs/ equal to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import flask_smorest
import marshmallow as ma
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import MODIFIERS
from flask import Flask, Response, current_app
from flask.cli import AppGroup

from app.core.state import Playhall
from app.core.web.json import encode
from app.core.web.responses import register_components

DOCUMENT = Path("docs/openapi.json")
DESCRIPTION = """The backend of a free-to-play game.

Errors are problem documents (`application/problem+json`); programs go by their `code`. Lists come in pages: send
`next_cursor` back as `cursor` until it is null. Times are RFC 3339 in UTC, amounts are integers, ids are UUIDs.
A field or a query parameter that is not named here is refused, and so is a body where none is. Every code is explained at `/docs/errors`.
"""


class Api(flask_smorest.Api):  # type: ignore[misc]  # it has no types
    """flask-smorest's Api with our errors in place of its own."""

    # It would answer for every status and so hide those that nobody documented.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """All handlers are in problems.py: two would hide each other."""

    def _register_responses(self) -> None:
        """Components that nothing refers to are noise: ours are in responses.py."""

    _register_etag_headers = _register_pagination_header = _register_responses

    def _openapi_json(self) -> Response:
        """The document, cacheable: it changes with a deploy only."""
        return Response(encode(self.spec.to_dict()), mimetype="application/json", headers={"Cache-Control": "public, max-age=300"})


def init_app(app: Flask, playhall: Playhall) -> Api:
    """Serve the document at /api/v1/openapi.json, and add `flask openapi`."""
    app.config.update(OPENAPI_URL_PREFIX="/api/v1", OPENAPI_JSON_PATH="openapi.json")
    api = Api(
        spec_kwargs={
            "title": "Playhall",
            "version": "v1",
            "openapi_version": "3.1.0",
            "marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=_namer(playhall)),
            "info": {"description": DESCRIPTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
            "servers": [{"url": "/"}],
        }
    )
    api.init_app(app)
    register_components(api.spec)
    app.cli.add_command(commands)
    return api


def text() -> str:
    """The current application's document, as the file in docs/ holds it."""
    api = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    return json.dumps(json.loads(encode(api.spec.to_dict())), indent=2, ensure_ascii=False) + "\n"


def _namer(playhall: Playhall) -> Callable[[Any], str]:
    """Name a schema after its plugin and its class; a schema with fields left out has no name and is written in place."""
    packages = {"app.core": "core"}
    for plugin in playhall.plugins:
        # Where it keeps its own code; the Protocols that it names may be somebody else's.
        for target in (*plugin.blueprints, *filter(None, [plugin.models])):
            module = target.partition(":")[0]
            packages[module.rpartition(".")[0] or module] = plugin.name
    named: dict[str, type[ma.Schema]] = {}

    def name(schema: Any) -> str:
        instance = schema() if isinstance(schema, type) else schema
        if any(getattr(instance, modifier) for modifier in MODIFIERS):
            return ""
        kind: type[ma.Schema] = type(instance)
        made = _owner(kind.__module__, packages).capitalize() + kind.__name__.removesuffix("Schema")
        if named.setdefault(made, kind) is not kind:
            raise ValueError(f"two schemas are named {made}: {named[made].__module__} and {kind.__module__}; rename one class")
        return made

    return name


def _owner(module: str, packages: dict[str, str]) -> str:
    parent = module
    while parent and parent not in packages:
        parent = parent.rpartition(".")[0]
    return packages.get(parent) or module.partition(".")[0]


commands = AppGroup("openapi", help="The OpenAPI document of this application.")


@commands.command("write")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=DOCUMENT)
def write(path: Path) -> None:
    """Write the document to PATH (default docs/openapi.json)."""
    path.write_text(text())


@commands.command("check")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=DOCUMENT)
def check(path: Path) -> None:
    """Fail when PATH (default docs/openapi.json) is not the document of this application."""
    if path.read_text() != text():
        raise click.ClickException(f"{path} is not what the application serves. Run: flask openapi write {path}")
