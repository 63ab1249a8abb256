"""Auth: who somebody is, and whether they are still signed in."""

from playhall import Plugin

plugin = Plugin(name="auth", version="0.1.0")
