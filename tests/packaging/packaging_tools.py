"""Build a distribution and install it where the checkout cannot be seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

# What makes `pip install` take what is there and nothing else.
OFFLINE = {"PIP_QUIET": "1", "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def build_wheel(source: Path, names: Iterable[str], work: Path) -> Path:
    """The wheel of a source folder, built from a copy of these files: building leaves files behind."""
    copy, out = work / "source", work / "wheel"
    copy.mkdir(parents=True)
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source / name, copy / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = out.glob("*.whl")
    return found


def clean_environment(folder: Path) -> Path:
    """The Python of a new environment that has the pinned libraries but not the checkout."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    # Only the path: the editable install's own .pth file in there is not read.
    (packages / "dependencies.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    _add_commands(folder / "bin")
    return folder / "bin" / "python"


def _add_commands(into: Path) -> None:
    """The commands of the pinned libraries, run by the new environment's Python."""
    theirs = Path(sys.executable).parent
    for command in theirs.iterdir():
        if command.is_dir() or (into / command.name).exists():
            continue
        first, _, rest = command.read_bytes().partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            (into / command.name).write_bytes(f"#!{into / 'python'}\n".encode() + rest)
            (into / command.name).chmod(0o755)
        elif first.startswith(b"\x7fELF"):
            (into / command.name).symlink_to(command)


def install(python: Path, wheel: Path) -> None:
    """Put a wheel into an environment, without its dependencies."""
    subprocess.run([*_pip(python), "install", str(wheel)], check=True, env={**os.environ, **OFFLINE})


def install_source(python: Path, folder: Path) -> None:
    """Put a source folder into an environment, as it is and as it will be."""
    subprocess.run([*_pip(python), "install", "-e", str(folder)], check=True, env={**os.environ, **OFFLINE})


def uninstall(python: Path, name: str) -> None:
    """Take a distribution out of an environment."""
    subprocess.run([*_pip(python), "uninstall", "--quiet", "--yes", name], check=True)


def _pip(python: Path) -> list[str]:
    return [sys.executable, "-m", "pip", "--python", str(python)]
