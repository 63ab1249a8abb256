"""Each seed turns its gate red, with its own id; the plugin that they are sown into passes every gate."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.scaffold.writing import SEEDLING
from playhall.testing.services import Services

from ..gate import Need, Tier
from ..gates import BY_ID, GATES
from . import SEEDS
from .seed import Seed, apply

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALLED = {
    "METADATA": "Metadata-Version: 2.1\nName: playhall-seedling\nVersion: 0.1.0\n"
    "Requires-Dist: playhall\nRequires-Dist: alembic\nRequires-Dist: sqlalchemy\n",
    "entry_points.txt": "[playhall.plugins]\nseedling = playhall_seedling:plugin\n",
    "top_level.txt": "playhall_seedling\n",
}


@pytest.fixture
def seedling(tmp_path: Path, services: Services) -> Path:  # noqa: ARG001 - started once; the gates inherit where they are
    """The plugin as it is written, found as an installed one is."""
    folder = tmp_path / "playhall-seedling"
    shutil.copytree(SEEDLING, folder, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    installed = tmp_path / "installed" / "playhall_seedling-0.1.0.dist-info"
    installed.mkdir(parents=True)
    for name, text in INSTALLED.items():
        (installed / name).write_text(text)
    return folder


@pytest.mark.parametrize("gate", [gate.id for gate in GATES if gate.tier is not Tier.NIGHTLY and Need.CHECKOUT not in gate.needs])
def test_what_is_written_passes(gate: str, seedling: Path) -> None:
    """Without a defect the gate holds; otherwise its red would say nothing."""
    _release(seedling)
    _git(seedling, "commit", "-q", "--allow-empty", "-m", "a change")
    done = _gate(gate, seedling)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("seed", SEEDS, ids=str)
def test_seed_is_caught(seed: Seed, seedling: Path) -> None:
    """The gate that it was sown for says so, with its id."""
    apply(seed.before, seedling)
    _release(seedling)
    apply(seed.edits, seedling)
    done = _gate(seed.gate, seedling)
    said = [line for line in done.stdout.splitlines() if line.startswith(f"  {seed.gate} ") and " Do: " in line]
    assert done.returncode == 1, f"the gate {seed.gate} is blind to this seed:\n{done.stdout}{done.stderr}"
    assert any(seed.says in line for line in said), said


def test_every_gate_has_a_seed() -> None:
    """A gate that cannot be made to fail is not a gate."""
    assert set(BY_ID) - {seed.gate for seed in SEEDS} == set()


def _release(folder: Path) -> None:
    """Commit what is there as the base of the change, and as the last release."""
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "base"), ("tag", "v0.1.0")):
        _git(folder, *arguments)


def _git(folder: Path, *arguments: str) -> None:
    person = ("-c", "user.name=seed", "-c", "user.email=seed@localhost")
    subprocess.run(["git", "-C", folder, *person, *arguments], check=True, capture_output=True)  # noqa: S603, S607


def _gate(gate: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (folder / "src", folder.parent / "installed", CHECKOUT)))
    environment = {**os.environ, "PYTHONPATH": path}
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "GITHUB_BASE_REF"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "ci", "run", gate, "--plugin", "seedling"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
