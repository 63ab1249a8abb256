"""A database of its own for every test, a small application over it, and a plugin's empty branch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.core.migrating.branches import Branch
from playhall.testing.services import Services
from tests.core.migrating import branch, scratch, small_app


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    with scratch(services.database_url) as made:
        yield made


@pytest.fixture
def app(url: str) -> Flask:
    return small_app(url)


@pytest.fixture
def loot(tmp_path: Path) -> Branch:
    return branch(tmp_path / "loot")
