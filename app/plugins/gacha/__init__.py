"""Gacha: banners whose odds anyone can check."""

from playhall import Plugin

plugin = Plugin(
    name="gacha",
    version="0.1.0",
    requires={"economy": ">=0.1,<1"},
    models="app.plugins.gacha.models",
    migrations="app.plugins.gacha.migrations",
    blueprints=["app.plugins.gacha.http:blueprint"],
    limits={"gacha.read": "300/minute"},
    demo="app.plugins.gacha.demo:load",
)
