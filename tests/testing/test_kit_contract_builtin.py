"""The built-in plugins pass what every plugin passes."""

from playhall.testing import PluginContract


class TestEconomy(PluginContract):
    plugin = "economy"


class TestAuth(PluginContract):
    plugin = "auth"


class TestShop(PluginContract):
    plugin = "shop"


class TestGacha(PluginContract):
    plugin = "gacha"


class TestNotifications(PluginContract):
    plugin = "notifications"
