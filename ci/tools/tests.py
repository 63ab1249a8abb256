"""The project's tests: warnings are errors, the network ends at this machine, and what they cover is measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from junitparser import Attr, JUnitXml, TestCase

from ..gate import CouldNotRun, Done
from ..problems import Problem
from ..scope import Scope, reports

GATE = "tests"
# Where a test stands is pytest's addition to the form.
TestCase.file, TestCase.line = Attr("file"), Attr("line")  # type: ignore[attr-defined]

COVERAGE, COVERAGE_XML = "coverage.json", "coverage.xml"


def argv(scope: Scope) -> list[str]:
    """All tests of the project, with branch coverage."""
    folder = reports(scope)
    measured = [f"--cov={folder.name}" for folder in scope.sources.values()] if scope.only else ["--cov"]
    return [
        "pytest",
        str(scope.tests),
        *("-o", "addopts=", "-o", "junit_family=xunit1", "-p", "no:randomly", "-W", "error", "-q", "-n", "2", "--dist", "loadgroup"),
        *(*measured, "--cov-branch", "--cov-fail-under=0"),
        *(f"--cov-report=json:{folder / COVERAGE}", f"--cov-report=xml:{folder / COVERAGE_XML}"),
        f"--junit-xml={folder / 'tests.xml'}",
    ]


def problems(scope: Scope, done: Done) -> Iterator[Problem]:
    """Each test that failed or could not start."""
    path = reports(scope) / "tests.xml"
    if done.code not in (0, 1) or not path.exists():
        raise CouldNotRun(f"pytest ended with {done.code}; what it printed says why")
    found = failed(path)
    if done.code == 1 and not found:
        raise CouldNotRun("pytest failed, and no test did; what it printed says why")
    for file, line, name, said in found:
        yield Problem(
            gate=GATE,
            where=f"{file}:{line}",
            subject=f"{file}::{name}",
            what=f"{name}: {said}",
            why="A test says what somebody relies on",
            do=f"pytest '{file}::{name}'",
        )


def failed(report: Path) -> list[tuple[str, int, str, str]]:
    """The tests that failed by a JUnit file of pytest's: file, line, name, and the first line of what was said."""
    cases = [case for suite in JUnitXml.fromfile(str(report)) for case in suite if case.is_failure or case.is_error]
    return [(str(case.file), int(case.line or 0) + 1, str(case.name), _said(case)) for case in cases]  # type: ignore[attr-defined]


def _said(case: TestCase) -> str:
    lines = str(case.result[0].message or "").strip().splitlines() or ["it failed"]
    return lines[0][:300].rstrip(".")
