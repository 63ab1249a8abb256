"""Shop: what can be bought."""

from playhall import Plugin

plugin = Plugin(
    name="shop",
    version="0.1.0",
    requires={"economy": ">=0.1,<1"},
    models="app.plugins.shop.models",
    migrations="app.plugins.shop.migrations",
    blueprints=["app.plugins.shop.http:blueprint"],
    limits={"shop.read": "300/minute"},
    demo="app.plugins.shop.demo:load",
)
