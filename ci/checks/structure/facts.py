"""What a document has to name: settings, error codes and events, as the code declares them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.core.errors import DomainError
from app.core.plugin import Plugin
from app.core.settings import CoreSettings, declared, prefix
from playhall.testing.sources import package_of

from ...scope import CORE, Scope


@dataclass(frozen=True, slots=True)
class Fact:
    """A name that users meet."""

    kind: str
    name: str
    where: str
    to_say: str

    def is_in(self, text: str) -> bool:
        """Whether it is named there, and not only something that begins with it."""
        return re.search(rf"(?<![\w.]){re.escape(self.name)}(?![\w]|\.\w)", text) is not None


def of(scope: Scope) -> Iterator[Fact]:
    """Those of the plugins under test, and of the core when it is among them."""
    if CORE in scope.names:
        yield from _settings(scope, CoreSettings, "PLAYHALL_")
        yield from _errors(scope, "app.core", {CORE, "jobs"})
    for plugin in scope.plugins:
        if plugin.settings:
            yield from _settings(scope, pkgutil.resolve_name(plugin.settings), prefix(plugin.name))
        yield from _errors(scope, package_of(plugin.name), {plugin.name})
        yield from _events(scope, plugin)


def _settings(scope: Scope, cls: type[Any], variables: str) -> Iterator[Fact]:
    for one in declared(cls, variables):
        yield Fact("setting", one.env, _where(scope, cls), "what it does and its default")


def _errors(scope: Scope, package: str, owners: set[str]) -> Iterator[Fact]:
    _import_all(package)
    for error in _tree(DomainError):
        if "code" in vars(error) and error.code.partition(".")[0] in owners and error.__module__.startswith(package):
            yield Fact("error", error.code, _where(scope, error), "when it is given and what to do")


def _events(scope: Scope, plugin: Plugin) -> Iterator[Fact]:
    for target in plugin.events:
        event = pkgutil.resolve_name(target)
        yield Fact("event", event.name, _where(scope, event), "when it is published")


def _tree(error: type[DomainError]) -> Iterator[type[DomainError]]:
    for inner in error.__subclasses__():
        yield inner
        yield from _tree(inner)


def _import_all(package: str) -> None:
    """A class is known once its module was imported; revisions and programs declare none."""
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not {"migrations", "__main__"} & {*found.name.split(".")}:
            importlib.import_module(found.name)


def _where(scope: Scope, cls: type[Any]) -> str:
    return f"{scope.relative(inspect.getfile(cls))}:{inspect.getsourcelines(cls)[1]}"
