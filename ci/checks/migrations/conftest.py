"""One climb for all: every revision under test up, down and up again, once; each gate reads its kinds of defect from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from app.core import registry
from app.core.migrating.branches import Branch, branches
from app.core.migrations import upgrade
from playhall.testing.bare import bare_app
from playhall.testing.databases import scratch
from playhall.testing.defects import Defect, Kind
from playhall.testing.samples import Samples, given
from playhall.testing.services import Services
from playhall.testing.stairway import Climb, climb

from ...problems import Problem
from ...scope import CORE, Scope, enabled

Told = Callable[[str, tuple[Kind, ...], str], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Climbed:
    """A database after the climb, and what was found on the way."""

    url: str
    branches: tuple[Branch, ...]  # all that are in it, also those that are not under test
    climbs: Mapping[str, Climb]  # of those under test

    @property
    def fallen(self) -> str:
        """The branch whose revisions do not all run; empty when all do."""
        return next((name for name, one in self.climbs.items() if not one.whole), "")


@pytest.fixture(scope="session")
def climbed(scope: Scope, services: Services) -> Iterator[Climbed]:
    """The climb, over a database of its own."""
    plugins = registry.order({name: registry.load(name) for name in _wanted(scope)})
    tested = {branch.name for branch in scope.branches}
    samples = samples_of(scope)
    with scratch(services) as url:
        app = bare_app(url, plugins)
        climbs: dict[str, Climb] = {}
        for branch in branches(app):
            if branch.name not in tested:
                upgrade(app, branch)
                continue
            climbs[branch.name] = climb(app, branch, samples)
            if not climbs[branch.name].whole:
                break
        yield Climbed(url, tuple(branches(app)), climbs)


@pytest.fixture
def told(climbed: Climbed, scope: Scope) -> Told:
    """The problems of a gate: the defects of its kinds, and why they matter."""

    def problems(gate: str, kinds: tuple[Kind, ...], why: str) -> Iterator[Problem]:
        found = [defect for one in climbed.climbs.values() for defect in one.defects if defect.kind in kinds]
        if not found:
            refuse_half(climbed)
        yield from (problem_of(gate, defect, why, scope) for defect in found)

    return problems


def refuse_half(climbed: Climbed) -> None:
    """A climb that ended early says nothing about the rest."""
    if climbed.fallen:
        pytest.fail(f"the revisions of {climbed.fallen} do not all run; see the gates stairway and stairway-data", pytrace=False)


def problem_of(gate: str, defect: Defect, why: str, scope: Scope) -> Problem:
    """A defect as a gate tells it."""
    path, _, line = defect.where.rpartition(":")
    where = f"{scope.relative(path)}:{line}"
    return Problem(gate=gate, where=where, subject=defect.revision, what=f"{defect.revision}: {defect.what}", why=why, do=defect.do)


def samples_of(scope: Scope) -> Samples:
    """What setup.cfg gives for the columns of all plugins under test."""
    return {column: value for name in scope.names for column, value in given(name, scope.root).items()}


def _wanted(scope: Scope) -> set[str]:
    return {registry.ECONOMY, *(name for plugin in scope.plugins for name in enabled(plugin))} - {CORE}
