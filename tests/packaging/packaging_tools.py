"""Build a distribution and install it where the checkout cannot be seen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest


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
    return folder / "bin" / "python"


def install(python: Path, wheel: Path) -> None:
    """Put a wheel into an environment, without its dependencies."""
    subprocess.run([*_pip(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)


def install_source(python: Path, folder: Path) -> None:
    """Put a source folder into an environment, as `pip install -e` does where nothing can be downloaded."""
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*_pip(python), "install", *options, "-e", str(folder)], check=True)


def uninstall(python: Path, name: str) -> None:
    """Take a distribution out of an environment."""
    subprocess.run([*_pip(python), "uninstall", "--quiet", "--yes", name], check=True)


def _pip(python: Path) -> list[str]:
    return [sys.executable, "-m", "pip", "--python", str(python)]
