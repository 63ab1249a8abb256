"""The routes that are measured, as a plugin like any other."""

from playhall import Permission, Plugin

plugin = Plugin(
    name="bench",
    version="1.0.0",
    requires={"auth": ">=0.1,<1"},
    models="bench.plugin.models",
    migrations="bench.plugin.migrations",
    blueprints=["bench.plugin.http:blueprint"],
    events=["bench.plugin.api:ThingMade"],
    permissions=[Permission(name="bench:make", description="Make things", roles=("player",))],
)
