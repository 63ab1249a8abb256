"""The core's own extensions, in the order they depend on each other."""

from __future__ import annotations

import flask_smorest
import svcs
from flask import Flask

from app.core import cli, health, limits, log, settings_names
from app.core.db import db, engine_options
from app.core.guarding import dev, jwt_manager
from app.core.operating import health_routes
from app.core.queue import job_commands
from app.core.state import Playhall
from app.core.web import body, docs_pages, edge, json, openapi, paths, problems


def core(app: Flask, playhall: Playhall) -> flask_smorest.Api:
    """Set up everything that plugins are wired into."""
    settings = playhall.settings
    log.init_app(playhall)
    settings_names.warn(playhall)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
    )
    db.init_app(app)
    health.init_app(app)
    svcs.flask.init_app(app)
    limits.init_app(app)
    jwt_manager.init_app(app)
    job_commands.init_app(app)
    dev.init_app(app)
    cli.init_app(app)
    body.init_app(app)
    json.init_app(app)
    paths.init_app(app)
    problems.init_app(app, settings)
    edge.init_app(app, settings)
    docs_pages.init_app(app)
    api = openapi.init_app(app, playhall)
    health_routes.init_app(app, api)
    return api
