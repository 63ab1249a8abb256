"""Notifications: messages for an account that are never lost."""

from playhall import Permission, Plugin

plugin = Plugin(
    name="notifications",
    version="0.1.0",
    models="app.plugins.notifications.models",
    migrations="app.plugins.notifications.migrations",
    blueprints=["app.plugins.notifications.http:blueprint"],
    permissions=[Permission(name="notifications:read", description="Read one's own inbox", roles=("player", "support", "admin"))],
)
