"""Verdicts as JUnit XML, the one form in which they travel: a suite for each gate, a case for each problem."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, Properties, Property, Skipped, TestCase, TestSuite

from .gate import State, Verdict
from .problems import Problem, decode

PROBLEM, WAIVED = "problem", "waived"  # names of a case's properties


def write(verdicts: Iterable[Verdict], path: Path) -> None:
    """Write them to a file."""
    xml = JUnitXml()
    for verdict in verdicts:
        xml.add_testsuite(_suite(verdict))
    path.parent.mkdir(parents=True, exist_ok=True)
    xml.write(str(path), pretty=True)


def read(path: Path) -> list[Verdict]:
    """What `write` wrote."""
    return [_verdict(suite) for suite in JUnitXml.fromfile(str(path))]


def problems_of(case: TestCase) -> Iterator[Problem]:
    """The problems that a check recorded with one of its tests."""
    yield from (decode(value) for name, value in _properties(case) if name == PROBLEM)


def waived_of(case: TestCase) -> Iterator[tuple[Problem, str]]:
    """The waived problems that a check recorded with one of its tests, each with its waiver's reason."""
    for name, value in _properties(case):
        if name == WAIVED:
            reason, text = json.loads(value)
            yield decode(text), reason


def waived_text(problem: Problem, reason: str) -> str:
    """A waived problem and the reason, as a property's value."""
    return json.dumps([reason, problem.encode()], ensure_ascii=False)


def _properties(case: TestCase) -> Iterator[tuple[str, str]]:
    found = case.child(Properties)
    yield from ((one.name, one.value) for one in found or ())


def _suite(verdict: Verdict) -> TestSuite:
    suite = TestSuite(verdict.gate)
    suite.add_property("state", verdict.state.value)
    suite.add_property("reason", verdict.reason)
    for problem in verdict.problems:
        suite.add_testcase(_case(verdict.gate, problem.where, Failure(str(problem)), PROBLEM, problem.encode()))
    for problem, reason in verdict.waived:
        suite.add_testcase(_case(verdict.gate, problem.where, Skipped(reason), WAIVED, waived_text(problem, reason)))
    if not verdict.problems:
        case = TestCase(verdict.gate, "gates", verdict.seconds)
        if verdict.state in (State.NOT_RUN, State.LEFT_OUT):
            case.result = [Error(verdict.reason) if verdict.state is State.NOT_RUN else Skipped(verdict.reason)]
        suite.add_testcase(case)
    suite.time = verdict.seconds  # last: adding a case adds up theirs
    return suite


def _case(gate: str, where: str, result: Failure | Skipped, name: str, value: str) -> TestCase:
    case = TestCase(where, gate)
    case.result = [result]
    properties = Properties()
    properties.add_property(Property(name, value))
    case.append(properties)
    return case


def _verdict(suite: TestSuite) -> Verdict:
    said = {one.name: one.value for one in suite.properties()}
    cases = list(suite)
    return Verdict(
        gate=suite.name,
        state=State(said["state"]),
        seconds=float(suite.time or 0),
        problems=tuple(problem for case in cases for problem in problems_of(case)),
        waived=tuple(one for case in cases for one in waived_of(case)),
        reason=said.get("reason") or "",
    )
