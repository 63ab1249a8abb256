"""What the gates look at: the project, the plugins under test, and where their sources are."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from app.core import registry
from app.core.migrating.branches import Branch, branch_of, core_branch
from app.core.plugin import Plugin

from .config import Config, read
from .history import History, history

CORE = "core"
PLUGIN = "GATES_PLUGIN"  # carries --plugin to the processes that a run starts
NIGHTLY = "GATES_NIGHTLY"  # set in those processes when a night is theirs
ASKED = "GATES_ASKED"  # set in those processes: what they are asked for is what was chosen
HOME = Path(__file__).resolve().parent  # this package, wherever it is installed


@dataclass(frozen=True)
class Scope:
    """The project in the working directory, and which of its plugins are judged."""

    root: Path
    only: str | None  # a plugin's name, or None for the core and all built-ins
    nightly: bool = False  # whether there is a night's time for what takes long

    @cached_property
    def config(self) -> Config:
        """What setup.cfg says."""
        return read(self.root)

    @cached_property
    def history(self) -> History | None:
        """What git remembers; None where there is nothing to compare with."""
        return history(self.root, self.config.base)

    @cached_property
    def plugins(self) -> tuple[Plugin, ...]:
        """The manifests of the plugins under test."""
        return tuple(registry.load(name) for name in ([self.only] if self.only else registry.BUILT_IN))

    @property
    def names(self) -> tuple[str, ...]:
        """The names under test, the core's first when it is among them."""
        return (self.only,) if self.only else (CORE, *registry.BUILT_IN)

    @cached_property
    def sources(self) -> Mapping[str, Path]:
        """The folder of each one's package."""
        found = {} if self.only else {CORE: self.root / "app" / "core"}
        return {**found, **{plugin.name: _folder(plugin.name) for plugin in self.plugins}}

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The histories under test, the core's first when it is among them."""
        own = () if self.only else (core_branch(),)
        return (*own, *(branch for plugin in self.plugins if (branch := branch_of(plugin))))

    @property
    def tests(self) -> Path:
        """The folder of the project's tests, relative to its root."""
        return Path(self.option("tests", "tests"))

    def option(self, name: str, default: str = "") -> str:
        """One line of [ci:plugin:NAME] of the plugin under test; of [ci] for the whole project."""
        section = self.config.plugins.get(self.only, {}) if self.only else self.config.general
        return section.get(name, default).strip()

    def relative(self, path: Path | str) -> str:
        """A file as messages name it: from the project's root where it is inside."""
        resolved = Path(path).resolve()
        return str(resolved.relative_to(self.root)) if resolved.is_relative_to(self.root) else str(path)


def here() -> Scope:
    """The scope of this process: the working directory, and what the run that started it has put into the environment."""
    return Scope(Path.cwd().resolve(), os.environ.get(PLUGIN) or None, bool(os.environ.get(NIGHTLY)))


def enabled(plugin: Plugin) -> list[str]:
    """A plugin and all that it requires, as PLAYHALL_PLUGINS names them."""
    wanted, found = [plugin], {plugin.name}
    while wanted:
        for name in wanted.pop().requires:
            if name not in found:
                found.add(name)
                wanted.append(registry.load(name))
    return sorted(found - {registry.ECONOMY})


def reports(scope: Scope) -> Path:
    """The folder that a run leaves its reports in."""
    folder = scope.root / "build" / "gates"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _folder(name: str) -> Path:
    spec = importlib.util.find_spec(registry.available()[name][0].module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
