"""Auth: who somebody is, and whether they are still signed in."""

from playhall import Plugin

plugin = Plugin(
    name="auth",
    version="0.1.0",
    models="app.plugins.auth.models",
    migrations="app.plugins.auth.migrations",
    blueprints=["app.plugins.auth.http:blueprint"],
    provides={"playhall:Sessions": "app.plugins.auth.service:AuthSessions"},
)
