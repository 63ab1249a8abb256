"""For tests: fixtures that pytest finds by itself, the contract every plugin must pass, and events and jobs at one's own pace.

How to use them: docs/plugins/testing.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.core.db import transaction
    from app.core.outbox import deliver
    from app.core.queue.drain import drain
    from playhall.testing.accounts import AsAccount, Client, SignedIn
    from playhall.testing.clock import Clock
    from playhall.testing.contract import PluginContract
    from playhall.testing.queries import CountQueries
    from playhall.testing.replacing import Fake, OverrideSettings
    from playhall.testing.work import Events, Jobs

__all__ = [
    "AsAccount",
    "Client",
    "Clock",
    "CountQueries",
    "Events",
    "Fake",
    "Jobs",
    "OverrideSettings",
    "PluginContract",
    "SignedIn",
    "deliver",
    "drain",
    "transaction",
]

_HOME = {
    "app.core.db": ("transaction",),
    "app.core.outbox": ("deliver",),
    "app.core.queue.drain": ("drain",),
    "playhall.testing.accounts": ("AsAccount", "Client", "SignedIn"),
    "playhall.testing.clock": ("Clock",),
    "playhall.testing.contract": ("PluginContract",),
    "playhall.testing.queries": ("CountQueries",),
    "playhall.testing.replacing": ("Fake", "OverrideSettings"),
    "playhall.testing.work": ("Events", "Jobs"),
}

if not TYPE_CHECKING:
    # pytest loads this package before coverage counts, and in projects that have nothing to do with us.
    def __getattr__(name: str) -> Any:
        home = next((module for module, names in _HOME.items() if name in names), None)
        if home is None:
            raise AttributeError(f"playhall.testing has no {name!r}; it has {', '.join(__all__)}")
        return getattr(import_module(home), name)
