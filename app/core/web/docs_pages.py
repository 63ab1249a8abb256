"""/docs: the API to browse and try, every error code, every setting. All of it served by us, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Flask, Response, make_response, render_template, send_from_directory
from markupsafe import Markup, escape
from werkzeug.exceptions import NotFound

from app.core.state import state
from app.core.web import documents

OURS = Path(__file__).parent / "docs"
SWAGGER = Path(flask_swagger_ui.__file__).parent / "dist"
ASSETS = {
    "docs.css": OURS,
    "docs.js": OURS,
    "swagger-ui.css": SWAGGER,
    "swagger-ui-bundle.js": SWAGGER,
    "favicon-32x32.png": SWAGGER,
}
# Swagger UI draws with inline styles; scripts and requests stay with us.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

blueprint = Blueprint("docs", __name__, url_prefix="/docs", template_folder="docs")


def init_app(app: Flask) -> None:
    """Serve /docs, and add `flask docs`."""
    app.register_blueprint(blueprint)
    documents.init_app(app)


@blueprint.get("")
def api() -> Response:
    """The API, to browse and try."""
    return _html("api.html", document="/api/v1/openapi.json")


@blueprint.get("/errors")
def errors() -> Response:
    """Every error code; a problem document's `type` points at its row."""
    tables = [
        (one.title, [(error.code, (error.status, error.title, documents.advice(error))) for error in one.errors]) for one in _sections()
    ]
    lead = "Programs go by the code, which never changes. Quote the request_id of a problem when you report it."
    return _html("table.html", title="Errors", lead=lead, columns=documents.ERROR_COLUMNS, tables=tables)


@blueprint.get("/settings")
def settings() -> Response:
    """Every setting with what it does and its default, never its value."""
    tables = [(one.title, [(it.env, (it.doc, documents.kind(it), documents.default(it))) for it in one.settings]) for one in _sections()]
    lead = "Environment variables, or lines in .env; NAME_FILE names a file that holds the value instead."
    return _html("table.html", title="Settings", lead=lead, columns=documents.SETTING_COLUMNS, tables=tables)


@blueprint.get("/assets/<name>")
def asset(name: str) -> Response:
    """A file that the pages above name; no other."""
    if name not in ASSETS:
        raise NotFound
    return send_from_directory(ASSETS[name], name, max_age=3600)


@blueprint.app_template_filter("code")
def code(text: object) -> Markup:
    """Text with `code` in backticks."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def _sections() -> list[documents.Section]:
    return documents.sections(state())


def _html(template: str, **values: object) -> Response:
    response = make_response(render_template(template, **values))
    response.headers["Content-Security-Policy"] = POLICY
    return response
