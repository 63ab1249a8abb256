"""What Playhall expects of every plugin."""

from playhall.testing import PluginContract


class TestSeedling(PluginContract):
    plugin = "seedling"
