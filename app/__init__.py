"""Playhall: the backend of a free-to-play game, made of plugins. `create_app` is the one place that knows the order of boot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> Flask:
    """Discover, check and order the plugins; read all settings; set up the core; wire each plugin; seal.

    Each phase reports all its problems at once, as PluginError or SettingsError.
    """
    # Here and not above: what starts the servers (`app.embedded`) is in this package too, and needs nothing of it.
    from flask import Flask

    from app.core import boot, registry, wiring
    from app.core.settings import Selection, read
    from app.core.state import Playhall

    plugins = registry.resolve(read({"PLAYHALL_": Selection})["PLAYHALL_"])
    settings, plugin_settings = wiring.read_settings(plugins)
    app = Flask("app", static_folder=None)
    app.debug = settings.debug  # and not what FLASK_DEBUG says: there is one switch, which production refuses
    playhall = Playhall(settings=settings, plugins=plugins, plugin_settings=plugin_settings)
    app.extensions["playhall"] = playhall
    api = boot.core(app, playhall)
    wiring.wire(app, api, playhall)
    return app
