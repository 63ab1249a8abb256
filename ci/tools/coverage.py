"""What the tests cover, of the whole, of each plugin, and of what a change touched. The gate `tests` measured it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import baseline
from ..gate import CouldNotRun, Done
from ..problems import Problem
from ..scope import CORE, Scope, reports
from .tests import COVERAGE, COVERAGE_XML

CHANGED, PLUGIN, TOTAL = "coverage-changed", "coverage-plugin", "coverage-total"
_CHANGED_JSON = "coverage-changed.json"


def read_argv(_scope: Scope) -> list[str]:
    """Nothing to do but to read what was measured; `coverage` says that it is there."""
    return ["coverage", "--version"]


def total(scope: Scope, _done: Done) -> Iterator[Problem]:
    """The ratchet of the whole."""
    yield from baseline.problems(scope, TOTAL, baseline.COVERAGE, {"total": percent(measured(scope).values())})


def plugins(scope: Scope, _done: Done) -> Iterator[Problem]:
    """The ratchet of each plugin."""
    yield from baseline.problems(scope, PLUGIN, baseline.COVERAGE, by_plugin(scope))


def changed_argv(scope: Scope) -> list[str]:
    """Lines and branches that differ from the merge base; without --branch-coverage an untested branch counts as tested."""
    assert scope.history is not None
    folder = reports(scope)
    return [
        "diff-cover",
        str(folder / COVERAGE_XML),
        *(f"--compare-branch={scope.history.base}", "--diff-range-notation=..", "--include-untracked", "--branch-coverage"),
        *("--exclude", "*/migrations/*"),
        *("--format", f"json:{folder / _CHANGED_JSON}", "--quiet"),
    ]


def changed(scope: Scope, done: Done) -> Iterator[Problem]:
    """Every changed line that no test reaches, or that a test leaves on one side only."""
    if done.code:
        raise CouldNotRun(f"diff-cover ended with {done.code}: {done.err.strip()[-300:]}")
    found = json.loads((reports(scope) / _CHANGED_JSON).read_text())
    for file, said in sorted(found["src_stats"].items()):
        for line in said["violation_lines"]:
            yield Problem(
                gate=CHANGED,
                where=f"{file}:{line}",
                subject=file,
                what="this changed line, or a branch that starts in it, is not tested",
                why="What nobody ran yet fails first for a player",
                do="add a test that takes it both ways",
            )


def measured(scope: Scope) -> Mapping[str, Mapping[str, Any]]:
    """The files that were measured, with their counts."""
    path = reports(scope) / COVERAGE
    if not path.exists():
        raise CouldNotRun("nothing was measured; run the gate tests with it")
    files: Mapping[str, Mapping[str, Any]] = json.loads(path.read_text())["files"]
    # Revisions have gates of their own, and run where the first database is made.
    return {file: said for file, said in files.items() if "migrations" not in Path(file).parts[:-1]}


def by_plugin(scope: Scope) -> dict[str, float]:
    """Percent of the lines and branches of each plugin; what belongs to no plugin is the core's."""
    homes = {name: folder for name, folder in scope.sources.items() if name != CORE}
    files: dict[str, list[Mapping[str, Any]]] = {}
    for file, said in measured(scope).items():
        path = (scope.root / Path(file)).resolve()
        owner = next((name for name, folder in homes.items() if path.is_relative_to(folder)), CORE)
        files.setdefault(owner, []).append(said)
    return {name: percent(files[name]) for name in scope.names if name in files}


def percent(files: Any) -> float:
    """Percent of lines and branches that were covered in these files."""
    done = every = 0
    for said in files:
        counts = said["summary"]
        done += counts["covered_lines"] + counts.get("covered_branches", 0)
        every += counts["num_statements"] + counts.get("num_branches", 0)
    return 100 * done / every if every else 100.0
