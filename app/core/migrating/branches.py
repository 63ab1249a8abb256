"""Branches: one history of revisions and one version table per plugin, and where the database stands in each."""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

from app.core import registry
from app.core.errors import PluginError
from app.core.plugin import Plugin

if TYPE_CHECKING:
    from alembic.script import Script

CORE = "core"
VERSIONS = "alembic_version"


class MigrationError(Exception):
    """The database cannot be migrated, or not like this; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One linear history of revisions. It touches only tables that begin with its name and an underscore."""

    name: str
    folder: Path  # holds the revision files
    models: str | None = None  # module whose import fills the metadata
    requires: frozenset[str] = field(default_factory=frozenset)  # branches that must be there first

    @property
    def version_table(self) -> str:
        """Where the database says which revision it is at."""
        return VERSIONS if self.name == CORE else f"{VERSIONS}_{self.name}"

    def owns(self, table: str) -> bool:
        """Whether a table of that name belongs to this branch."""
        return table.startswith(f"{self.name}_")

    def scripts(self) -> list[Script]:
        """Its revision files, newest first, read anew; MigrationError unless they are one line."""
        from alembic.script import ScriptDirectory  # heavy, and what only runs jobs never asks

        directory = ScriptDirectory(str(script_folder()), version_locations=[str(self.folder)])
        try:
            with warnings.catch_warnings():
                # Alembic only warns of a revision that is there twice, or of a parent that is not there.
                warnings.filterwarnings("error", message="Revision ", category=UserWarning)
                heads, scripts = directory.get_heads(), list(directory.walk_revisions())
        except Exception as error:  # reading runs the files, which may raise anything
            said = f"{type(error).__name__}: {error}"
            raise MigrationError(f"{self.name}: the revisions in {self.folder} cannot be read: {said}") from error
        if len(heads) > 1:
            raise MigrationError(f"{self.name}: {' and '.join(heads)} are both newest; set down_revision of one to the other")
        return scripts

    def revisions(self) -> list[str]:
        """The ids of its revisions, newest first."""
        return [script.revision for script in self.scripts()]


def script_folder() -> Path:
    """Where env.py is: `app.migrations` when installed, `migrations/` beside the package in a checkout."""
    home = Path(__file__).parents[2]
    installed = home / "migrations"
    return installed if installed.is_dir() else home.parent / "migrations"


def branch_of(plugin: Plugin) -> Branch | None:
    """The branch of a plugin; None when it has no tables. Imports the plugin's package, nothing else of it."""
    if plugin.migrations is None:
        return None
    try:
        spec = importlib.util.find_spec(plugin.migrations)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise MigrationError(f"{plugin.name}: there is no package {plugin.migrations}; make that folder with an empty __init__.py")
    requires = frozenset({registry.ECONOMY, *plugin.requires} - {plugin.name})
    return Branch(plugin.name, Path(spec.submodule_search_locations[0]), plugin.models, requires)


def core_branch() -> Branch:
    """The core's own branch."""
    return Branch(CORE, script_folder() / "versions", "app.core.models")


def branches(app: Flask) -> list[Branch]:
    """The core, then every enabled plugin that has tables, in load order."""
    enabled = app.extensions["playhall"].plugins
    return [core_branch(), *(branch for plugin in enabled if (branch := branch_of(plugin)))]


def find_branch(app: Flask, name: str) -> Branch:
    """The branch of that name, also of a plugin that is installed but not enabled."""
    for branch in branches(app):
        if branch.name == name:
            return branch
    try:
        found = branch_of(registry.load(name))
    except PluginError as error:
        raise MigrationError(f"{error}. When its package is gone: flask plugin purge {name}") from error
    if found is None:
        raise MigrationError(f"{name} has no tables: its Plugin names no migrations")
    return found
