"""Problems, waivers, and how verdicts travel and end."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from ci import junit, report
from ci.config import ConfigError, read
from ci.gate import State, Verdict
from ci.problems import Problem, Waiver, judge

TODAY = date(2027, 1, 31)
FOUND = Problem(gate="locks", where="a/b.py:7", what="it is\nwide", why="Everybody waits", do="split it", subject="b_1")


def waiver(expires: str) -> Waiver:
    return Waiver(gate="locks", object="b_1", reason="empty everywhere", expires=date.fromisoformat(expires))


def test_problem_is_one_line() -> None:
    """Gate, place, what, why, what to do."""
    assert str(FOUND) == "locks a/b.py:7: it is wide. Everybody waits. Do: split it"


def test_waiver_lets_its_object_pass_until_the_end_of_its_day() -> None:
    """And says why."""
    judged = judge([FOUND], [waiver("2027-01-31")], TODAY)
    assert (judged.red, judged.waived) == ((), ((FOUND, "empty everywhere (until 2027-01-31)"),))


def test_expired_waiver_is_red() -> None:
    """What was let pass for a while is due."""
    (red,) = judge([FOUND], [waiver("2027-01-30")], TODAY).red
    assert "(its waiver expired on 2027-01-30: empty everywhere)" in str(red)


@pytest.mark.parametrize("other", [{"gate": "drift"}, {"subject": "b_2"}])
def test_waiver_covers_nothing_else(other: dict[str, str]) -> None:
    """Neither another gate nor another object."""
    problem = Problem(**{**json.loads(FOUND.encode()), **other})
    assert judge([problem], [waiver("2027-02-01")], TODAY).red == (problem,)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("gate = locks\nobject = x\nexpires = 2027-01-01", "write reason"),
        ("gate = locks\nobject = x\nreason = y\nexpires = soon", "expires is no date"),
    ],
)
def test_waiver_must_say_why_and_until_when(tmp_path: Path, section: str, message: str) -> None:
    """Nothing is let pass silently or for ever."""
    (tmp_path / "setup.cfg").write_text(f"[ci:waiver:one]\n{section}\n")
    with pytest.raises(ConfigError, match=message):
        read(tmp_path)


VERDICTS = [
    Verdict(gate="lint", state=State.HOLDS, seconds=0.5),
    Verdict(gate="locks", state=State.FAILED, seconds=1.5, problems=(FOUND,), waived=((FOUND, "so\nit is"),)),
    Verdict(gate="drift", state=State.NOT_RUN, reason="no database"),
    Verdict(gate="frozen", state=State.LEFT_OUT, reason="there is no tag"),
]


def test_verdicts_travel_as_junit_xml(tmp_path: Path) -> None:
    """What is read is what was written."""
    junit.write(VERDICTS, tmp_path / "junit.xml")
    assert junit.read(tmp_path / "junit.xml") == VERDICTS


@pytest.mark.parametrize(
    ("states", "strict", "code"),
    [
        ([State.HOLDS], True, 0),
        ([State.HOLDS, State.NOT_RUN], False, 2),
        ([State.FAILED, State.NOT_RUN], False, 1),
        ([State.HOLDS, State.LEFT_OUT], False, 0),
        ([State.HOLDS, State.LEFT_OUT], True, 2),
    ],
)
def test_exit_code(states: list[State], *, strict: bool, code: int) -> None:
    """Green is only what was looked at."""
    assert report.code([Verdict(gate="x", state=state) for state in states], strict=strict) == code


def test_report_is_written_for_each_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person, a program, GitHub's page, and the line in a diff."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    report.write(VERDICTS, tmp_path)
    states = {one["gate"]: one["state"] for one in json.loads((tmp_path / "summary.json").read_text())}
    assert states == {"lint": "holds", "locks": "failed", "drift": "could not run", "frozen": "left out"}
    assert (tmp_path / "page.md").read_text() == (tmp_path / "summary.md").read_text() == report.markdown(VERDICTS)
    assert f"- {FOUND}" in report.markdown(VERDICTS)
    assert list(report.commands(VERDICTS)) == [
        f"::error file=a/b.py,line=7,title=locks::{FOUND}",
        "::error title=drift::could not run: no database",
    ]
