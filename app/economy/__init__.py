"""Economy: the shared domain that every plugin uses. Always on, and wired through the same contract as a plugin."""

from playhall import Plugin

plugin = Plugin(
    name="economy",
    version="0.1.0",
    settings="app.economy.settings:EconomySettings",
    models="app.economy.models",
    migrations="app.economy.migrations",
    blueprints=["app.economy.http:blueprint"],
    limits={"economy.read": "300/minute"},
    demo="app.economy.demo:load",
)
