"""A change of the code comes with a test that the code before it does not pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ...problems import Problem
from ...scope import CORE, Scope
from ..conftest import Judge

GATE = "test-first"

Run = Callable[[Path, Sequence[Path]], int]  # (a checkout, test files in it) -> pytest's exit code


@pytest.mark.history
def test_test_first(scope: Scope, judge: Judge) -> None:
    """At least one changed test fails on the old source."""
    judge(problems(scope, ran))


def problems(scope: Scope, run: Run) -> Iterator[Problem]:
    """Nothing when no code changed, or when a changed test fails without the change."""
    assert scope.history is not None
    changed = scope.history.changed()
    code = [path for path in changed if path.suffix == ".py" and _is_code(scope, path)]
    tests = [path for path in changed if path.is_relative_to(scope.tests) and path.name.startswith("test_") and path.suffix == ".py"]
    if not code:
        return
    if not tests:
        yield _problem(code[0], "the code changed, and no test did")
        return
    with scope.history.worktree() as base:
        for path in changed:
            if path.is_relative_to(scope.tests):
                (base / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(scope.root / path, base / path)
        if run(base, tests) in (0, 5):
            yield _problem(tests[0], f"all {len(tests)} changed test files also pass without the change of the code")


def ran(folder: Path, tests: Sequence[Path]) -> int:
    """Run tests in a checkout until the first one fails."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(folder / "src"), str(folder), os.environ.get("PYTHONPATH", "")))}
    for name in [name for name in environment if name.startswith(("COVERAGE_", "PYTEST_", "COV_"))]:
        del environment[name]
    command = [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:randomly", "-q", "-x", *map(str, tests)]
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode  # noqa: S603


def _is_code(scope: Scope, path: Path) -> bool:
    """Whether tests have to notice it; revisions have gates of their own."""
    roots = [Path("app"), Path("playhall"), Path("ci")] if CORE in scope.sources else [*map(scope.relative, scope.sources.values())]
    return any(path.is_relative_to(root) for root in roots) and "migrations" not in path.parts


def _problem(path: Path, what: str) -> Problem:
    return Problem(
        gate=GATE,
        where=f"{path}:1",
        subject="change",
        what=what,
        why="A test that passes before and after shows nothing",
        do="write a test that fails without the change; for a change of form only, a waiver for the object 'change'",
    )
