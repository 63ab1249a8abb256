"""The tools among the gates hold on this tree. The checks are collected with the tests; seeds prove that each can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ci.__main__ import main
from ci.gate import Tier, Tool
from ci.gates import GATES, chosen

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("gate", [gate.id for gate in GATES if gate.tier is Tier.FAST and isinstance(gate.by, Tool)])
def test_gate_holds(gate: str) -> None:
    """The tree passes."""
    done = subprocess.run([sys.executable, "-m", "ci", "run", gate], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"\n{gate} " in done.stdout
    assert done.stdout.endswith("1 holds\n")


def test_missing_tool_is_not_green(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gate that could not run is neither passed nor failed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert main(["run", "lint"]) == 2
    said = capsys.readouterr().out
    assert "could not run: ruff is not installed; in a checkout: make test" in said
    assert said.endswith("1 could not run\n")


def test_list_says_what_each_proves(capsys: pytest.CaptureFixture[str]) -> None:
    """Every gate has a line."""
    assert main(["list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [gate.id for gate in GATES]


def test_unknown_gate_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing mistake must not look like a gate that holds."""
    with pytest.raises(SystemExit) as ended:
        main(["run", "lnit"])
    assert ended.value.code == 2
    assert "lnit" in capsys.readouterr().err


def test_a_tier_holds_the_tiers_before_it() -> None:
    """What is checked before a commit is checked again before it lands, and every night."""
    fast, change, nightly = ({gate.id for gate in chosen([], tier)} for tier in Tier)
    assert fast < change <= nightly == {gate.id for gate in GATES}
