"""Pytest as a plugin's author runs it, in a process of its own, on this session's servers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOOT = ROOT / "examples" / "loot"


def pytest_in(folder: Path, *arguments: str, path: tuple[Path, ...] = (), **env: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with more folders on the path."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PLAYHALL_", "DATABASE_", "REDIS_", "PYTEST_", "COV"))
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    where = os.pathsep.join([*map(str, path), str(ROOT)])
    return subprocess.run(
        command, cwd=folder, env={**inherited, "PYTHONPATH": where, **env}, capture_output=True, text=True, timeout=600, check=False
    )


def installed(folder: Path, name: str, package: str) -> Path:
    """A folder that makes an importable package an installed plugin."""
    info = folder / f"{package}-1.0.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n")
    (info / "entry_points.txt").write_text(f"[playhall.plugins]\n{name} = {package}:plugin\n")
    return folder


def failed(output: str) -> set[str]:
    """The names of the tests that failed, from `-rf`."""
    return set(re.findall(r"^FAILED \S+::(\w+)", output, re.MULTILINE))
