"""`flask plugin check NAME`: what the gates said, beside what QUALITY.md says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.core.cli import plugin
from app.core.operating import plugin_gates, quality

QUALITY = (
    "# Quality\n\n| rule | state |\n|---|---|\n| lint | proven |\n| locks | exempt: it is empty everywhere |\n| deps | exempt: ours |\n"
)
HELD = {"state": "holds", "reason": "", "waived": []}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / quality.FILE).write_text(QUALITY)


def check(monkeypatch: pytest.MonkeyPatch, code: int, *verdicts: dict[str, Any]) -> Result:
    """The command, after gates that ended so."""

    def run(command: list[str], *, cwd: Path, check: bool) -> subprocess.CompletedProcess[str]:
        assert command[1:] == ["-m", "playhall.ci", "run", "--plugin", "shop"]
        if verdicts:
            (cwd / plugin_gates.SUMMARY).parent.mkdir(parents=True)
            (cwd / plugin_gates.SUMMARY).write_text(json.dumps(verdicts))
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(subprocess, "run", run)
    return CliRunner().invoke(plugin, ["check", "shop"])


def test_each_rule_has_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proven, failed, left out, or exempt because a waiver let it pass."""
    done = check(
        monkeypatch,
        0,
        {**HELD, "gate": "lint"},
        {**HELD, "gate": "locks", "waived": [{"reason": "the waiver's"}]},
        {**HELD, "gate": "drift", "waived": [{"reason": "until 2027"}]},
        {**HELD, "gate": "frozen", "state": "left out", "reason": "there is no tag"},
    )
    assert done.exit_code == 0
    assert done.output.splitlines()[1:] == [
        "RULE               STATE",
        "lint               proven",
        "locks              exempt: it is empty everywhere",
        "drift              exempt: until 2027",
        "frozen             left out: there is no tag",
    ]


def test_an_exemption_lets_nothing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page cannot make a failed gate green."""
    done = check(monkeypatch, 1, {**HELD, "gate": "deps", "state": "failed"})
    assert done.exit_code == 1
    assert "deps               failed (exempt: ours; without a waiver in setup.cfg it counts)" in done.output


def test_gates_that_could_not_start_are_not_green(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nor is an older run's table shown for theirs."""
    (tmp_path / plugin_gates.SUMMARY).parent.mkdir(parents=True)
    (tmp_path / plugin_gates.SUMMARY).write_text(json.dumps([{**HELD, "gate": "lint"}]))
    done = check(monkeypatch, 2)
    assert (done.exit_code, done.output) == (2, "")


def test_plugin_that_is_not_installed_is_refused() -> None:
    """Before anything runs."""
    done = CliRunner().invoke(plugin, ["check", "nothing"])
    assert (done.exit_code, done.output) == (1, "Error: 'nothing' is not installed\n")


def test_without_the_gates_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's installation has none."""
    monkeypatch.setattr(plugin_gates, "find_spec", lambda _name: None)
    done = CliRunner().invoke(plugin, ["check", "shop"])
    assert (done.exit_code, done.output) == (1, "Error: the gates are not installed; run: pip install 'playhall[gates]'\n")


@pytest.mark.parametrize(
    ("state", "reason"), [("proven", None), ("exempt: why", "why"), ("exempt:", ""), ("exempt", ""), ("exempted: x", None)]
)
def test_reason_of_an_exemption(state: str, reason: str | None) -> None:
    """Empty where there is none."""
    assert quality.reason(state) == reason


def test_rules_are_read_with_their_lines(tmp_path: Path) -> None:
    """A heading is no rule, and no file has no rules."""
    assert quality.rules(tmp_path) == {"lint": (5, "proven"), "locks": (6, "exempt: it is empty everywhere"), "deps": (7, "exempt: ours")}
    (tmp_path / quality.FILE).unlink()
    assert quality.rules(tmp_path) == {}
