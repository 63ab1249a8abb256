"""Playhall's own wheel, built once, and installed where nothing of the checkout is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from installed import Installation
from packaging_tools import build_wheel

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("app", "playhall", "ci", "migrations", "setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install playhall` installs."""
    return build_wheel(ROOT, SOURCES, tmp_path_factory.mktemp("playhall"))


@pytest.fixture
def playhall(wheel: Path, tmp_path: Path, scratch_database: str) -> Installation:
    """As a third party has it, over a database of its own."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PLAYHALL_", "COVERAGE_"))}
    own = {"DATABASE_URL": scratch_database, "PLAYHALL_ENVIRONMENT": "test", "PLAYHALL_MANAGEMENT_BIND": "127.0.0.1:0"}
    return Installation(tmp_path, wheel, {**inherited, **own})
