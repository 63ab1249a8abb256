"""What every plugin promises."""

from playhall.testing import PluginContract


class TestLoot(PluginContract):
    plugin = "loot"
