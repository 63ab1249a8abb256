"""Health on the main port: /api/v1/health for people, and /livez and /readyz as a convenience.

An orchestrator asks the management port: here a probe waits behind the requests.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import flask_smorest
import marshmallow as ma
from flask import Flask, Response
from marshmallow import validate

from app.core.health import health
from app.core.http import Blueprint
from app.core.operating.management import Reply
from app.core.operating.report import LIVE
from app.core.operation import operation
from app.core.schemas import Schema, String, Timestamp

blueprint = Blueprint("core-health", __name__, description="Whether it works.")


class HealthSchema(Schema):
    """What works, in words for people."""

    status = String(required=True, validate=validate.OneOf(["ok", "degraded", "down"]))
    version = String(required=True, metadata={"example": "1.0.0"})
    services = ma.fields.Dict(
        keys=String(),
        values=String(validate=validate.OneOf(["ok", "degraded", "down", "disabled", "unknown"])),
        required=True,
        metadata={"example": {"database": "ok", "redis": "ok", "kafka": "disabled"}},
    )
    time = Timestamp(required=True)


@blueprint.get("/health")
@operation(public=True, limit="core.public")
@blueprint.response(200, HealthSchema)
def show() -> dict[str, Any]:
    """Tell what works and what does not; the answer is 200 whatever it says."""
    found = health().report()
    return {"status": found.status, "version": release(), "services": found.services, "time": datetime.now(UTC)}


def init_app(app: Flask, api: flask_smorest.Api) -> None:
    """Add the routes."""
    api.register_blueprint(blueprint, url_prefix="/api/v1")
    app.add_url_rule("/livez", "livez", lambda: _response(LIVE))
    app.add_url_rule("/readyz", "readyz", lambda: _response(health().report().reply(tell_why=False)))


@cache
def release() -> str:
    """The version of Playhall that runs."""
    try:
        return version("playhall")
    except PackageNotFoundError:  # run from a source tree that nobody installed
        return "0"


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, content_type=reply.media_type)
