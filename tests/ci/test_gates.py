"""The fast gates hold on this tree, and each one goes red on a seeded defect."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ci.__main__ import main
from ci.gates import GATES

ROOT = Path(__file__).resolve().parents[2]

# One defect for each gate: a file, and what stands in it.
SEEDS = {
    "lint": ("app/seed.py", "import os\n"),
    "format": ("app/seed.py", "x  =  1\n"),
    "types": ("app/seed.py", 'NUMBER: int = "one"\n'),
    "boundaries": ("app/core/seed.py", "import playhall\n\n__all__ = ['playhall']\n"),
}


def run(folder: Path, *gates: str) -> subprocess.CompletedProcess[str]:
    """Run gates on a tree as a person does."""
    command = [sys.executable, "-m", "ci", "run", *gates]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the tree's code, to put a defect into."""
    for name in ("app", "playhall", "ci", "migrations"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("gate", [gate.id for gate in GATES])
def test_gate_holds(gate: str) -> None:
    """The tree passes."""
    done = run(ROOT, gate)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{gate}: holds" in done.stdout


@pytest.mark.parametrize("gate", [gate.id for gate in GATES])
def test_gate_can_fail(gate: str, copy: Path) -> None:
    """A seeded defect turns the gate red, with its id and what to do."""
    file, source = SEEDS[gate]
    (copy / file).write_text(source)
    done = run(copy, gate)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{gate}: failed. To see it again: " in done.stdout


def test_missing_tool_is_not_green(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gate that could not run is neither passed nor failed."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert main(["run", "lint"]) == 2
    assert "lint: could not run, ruff is not installed" in capsys.readouterr().out


def test_list_says_what_each_proves(capsys: pytest.CaptureFixture[str]) -> None:
    """Every gate has a line."""
    assert main(["list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [gate.id for gate in GATES]
