"""What this application was wired with; filled at boot, then sealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import current_app

if TYPE_CHECKING:
    from app.core.events import Event
    from app.core.plugin import Job, Permission, Plugin, Subscription
    from app.core.settings import CoreSettings

S = TypeVar("S")


@dataclass(slots=True)
class Playhall:
    """The registries, by name. Nothing is added after `sealed`."""

    settings: CoreSettings
    plugins: tuple[Plugin, ...]  # in load order, economy first
    plugin_settings: dict[str, Any] = field(default_factory=dict)
    permissions: dict[str, Permission] = field(default_factory=dict)
    limits: dict[str, str] = field(default_factory=dict)
    events: dict[str, type[Event]] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    subscriptions: dict[str, list[Subscription]] = field(default_factory=dict)  # by event name
    sealed: bool = False

    def seal(self) -> None:
        """Close the registries: whoever adds something after boot gets a TypeError, in his own traceback."""
        for name in ("plugin_settings", "permissions", "limits", "events", "jobs", "subscriptions"):
            setattr(self, name, MappingProxyType(getattr(self, name)))
        self.sealed = True


def settings(cls: type[S]) -> S:
    """A plugin's own settings, by their class; raises LookupError when no enabled plugin has that class."""
    for made in state().plugin_settings.values():
        if type(made) is cls:
            return made
    raise LookupError(f"{cls.__name__} is the settings class of no enabled plugin")


def state() -> Playhall:
    """The current application's registries."""
    return cast(Playhall, current_app.extensions["playhall"])
