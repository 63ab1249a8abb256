"""An application with nothing but a database and the histories of some plugins: what migrating needs, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from flask import Flask
from sqlalchemy import NullPool

from app.core.db import db
from app.core.plugin import Plugin


def bare_app(url: str, plugins: Sequence[Plugin] = ()) -> Flask:
    """No settings are read, and nothing of the plugins but their manifests."""
    app = Flask("bare")
    app.config.update(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_ENGINE_OPTIONS={"poolclass": NullPool})
    db.init_app(app)
    names = tuple(plugin.name for plugin in plugins)
    app.extensions["playhall"] = SimpleNamespace(plugins=tuple(plugins), settings=SimpleNamespace(plugins=names))
    return app
