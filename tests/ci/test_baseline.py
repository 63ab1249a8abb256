"""Bars: what is measured against them, and who may move them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ci import baseline
from ci.gate import CouldNotRun, Done
from ci.scope import Scope, reports
from ci.tools import coverage

DONE = Done(0, "", "")


def commit(folder: Path, message: str) -> None:
    person = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    for arguments in (("add", "-A"), (*person, "commit", "-q", "--allow-empty", "-m", message)):
        subprocess.run(["git", "-C", folder, *arguments], check=True)


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    """A project whose base says that shop is at 90 percent."""
    subprocess.run(["git", "-C", tmp_path, "init", "-q", "-b", "main"], check=True)
    (tmp_path / "ci").mkdir()
    (tmp_path / ".gitignore").write_text("build/\n")
    (tmp_path / "ci" / "baseline.ini").write_text("[coverage]\nshop = 90.0\n")
    commit(tmp_path, "base")
    subprocess.run(["git", "-C", tmp_path, "switch", "-q", "-c", "change"], check=True)
    commit(tmp_path, "change")
    return Scope(tmp_path, None)


def lines(scope: Scope, **measured: float) -> list[str]:
    return [problem.what for problem in baseline.problems(scope, "coverage-plugin", "coverage", measured)]


def test_at_its_bar_it_passes(scope: Scope) -> None:
    """A rounded number is not a loss."""
    assert lines(scope, shop=89.96) == []


def test_below_its_bar_it_is_red(scope: Scope) -> None:
    """By the number at the merge base."""
    assert lines(scope, shop=89.9) == ["coverage of shop is 89.9 %, below its bar of 90.0 %"]


def test_change_cannot_lower_its_own_bar(scope: Scope) -> None:
    """The bar in the tree is the next change's; lowering it is found at once."""
    (scope.root / "ci" / "baseline.ini").write_text("[coverage]\nshop = 80.0\n")
    assert lines(scope, shop=85.0) == [
        "coverage of shop is 85.0 %, below its bar of 90.0 %",
        "the bar of shop was lowered from 90.0 to 80.0",
    ]


def test_plugin_without_a_bar_has_the_first_one(scope: Scope) -> None:
    """Nothing new starts untested."""
    assert lines(scope, fresh=94.0) == ["coverage of fresh is 94.0 %, below its bar of 95.0 %"]


def test_raising_lowers_nothing() -> None:
    """Every bar goes up to what was measured, or stays."""
    text = "[coverage]\ngacha = 80.0\nshop = 90.0\n\n[mutation]\nshop = 50.0\n"
    assert baseline.raised(text, "coverage", {"shop": 85.0, "gacha": 88.04, "auth": 99.0}) == (
        "[coverage]\nauth = 99.0\ngacha = 88.0\nshop = 90.0\n\n[mutation]\nshop = 50.0\n"
    )


def test_ungiven_measure_is_no_verdict(scope: Scope) -> None:
    """Nothing measured is not 100 percent."""
    with pytest.raises(CouldNotRun, match="run the gate tests with it"):
        list(coverage.total(scope, DONE))


def test_branches_count_as_lines_do(scope: Scope) -> None:
    """A line that was only taken one way is half tested."""
    summary = {"covered_lines": 1, "covered_branches": 1, "num_statements": 1, "num_branches": 2}
    (reports(scope) / "coverage.json").write_text(json.dumps({"files": {"app/core/x.py": {"summary": summary}}}))
    assert [problem.what for problem in coverage.total(scope, DONE)] == ["coverage of total is 66.7 %, below its bar of 95.0 %"]


def test_untested_side_of_a_changed_branch_is_found(scope: Scope) -> None:
    """Line coverage alone would say that all is well."""
    source = "def f(a):\n    if a:\n        a = 1\n    return a\n"
    (scope.root / "mod.py").write_text(source)
    commit(scope.root, "change")
    xml = (
        '<coverage><packages><package name="."><classes><class name="mod.py" filename="mod.py"><lines>'
        '<line number="1" hits="1"/><line number="2" hits="1" branch="true" condition-coverage="50% (1/2)" missing-branches="4"/>'
        '<line number="3" hits="1"/><line number="4" hits="1"/></lines></class></classes></package></packages></coverage>'
    )
    (reports(scope) / "coverage.xml").write_text(xml)
    program, *arguments = coverage.changed_argv(scope)
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments], cwd=scope.root, capture_output=True, text=True, check=False
    )
    found = list(coverage.changed(scope, Done(done.returncode, done.stdout, done.stderr)))
    assert [problem.where for problem in found] == ["mod.py:2"]
