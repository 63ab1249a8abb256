"""What a contract is tested on, and how it is judged."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

import pytest
from flask import Flask

from app.core.db import db, transaction
from app.core.migrating.branches import Branch, branch_of
from app.core.plugin import Plugin
from app.core.registry import ECONOMY
from app.core.state import Playhall
from playhall.testing.routes import Route
from playhall.testing.rows import rows


@dataclass(frozen=True, slots=True)
class Subject:
    """The plugin under test, as it was booted."""

    app: Flask
    playhall: Playhall
    plugin: Plugin
    routes: list[Route]

    @property
    def name(self) -> str:
        """Its name."""
        return self.plugin.name

    def part(self, field: str) -> Any:
        """A part that the manifest names, or skip the test."""
        value = getattr(self.plugin, field)
        if not value:
            pytest.skip(f"{self.name} has no {field}")
        return value

    def others(self) -> list[str]:
        """The plugins that stay when this one goes, or skip the test: it may be needed."""
        rest = [one for one in self.playhall.plugins if one.name not in (self.name, ECONOMY)]
        if self.name == ECONOMY:
            pytest.skip(f"{self.name} is always on")
        if needing := [one.name for one in rest if self.name in one.requires or set(one.needs) & set(self.plugin.provides)]:
            pytest.skip(f"{self.name} is needed by {', '.join(needing)}")
        return [one.name for one in rest]

    def operations(self) -> list[Route]:
        """Its routes, or skip the test."""
        if not self.routes:
            pytest.skip(f"{self.name} has no routes")
        return self.routes

    @property
    def branch(self) -> Branch:
        """Its history, or skip the test."""
        self.part("migrations")
        branch = branch_of(self.plugin)
        assert branch is not None
        return branch


def judge(problems: Iterable[str | None]) -> None:
    """Fail with one line for each problem."""
    if found := [problem for problem in problems if problem]:
        pytest.fail("\n".join(found), pytrace=False)


def unresolved(plugin: str, field: str, target: str) -> str | None:
    """Why a part of the manifest is not there."""
    try:
        resolve_name(target) if ":" in target else importlib.import_module(target)
    except Exception as error:  # noqa: BLE001 - importing runs the plugin's code
        return f"{plugin}: {field}: {target!r} cannot be found: {type(error).__name__}: {error}"
    return None


def rows_after(app: Flask, load: Any) -> dict[str, list[Any]]:
    """Every row of every table, after the demo data was loaded."""
    with app.app_context():
        transaction(load)
        with db.engine.connect() as connection:
            return {table: sorted(map(json.dumps, found)) for table, found in rows(connection).items()}
