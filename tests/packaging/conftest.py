"""Playhall's own wheel, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging_tools import build_wheel

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("app", "playhall", "ci", "migrations", "setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install playhall` installs."""
    return build_wheel(ROOT, SOURCES, tmp_path_factory.mktemp("playhall"))
