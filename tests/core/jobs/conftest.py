"""The probe plugin, in this process and as an environment for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from probing import add_probe, drop_table, environment, make_table


@pytest.fixture
def probed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application, with the probe's jobs and events, and a table for their effects."""
    add_probe(app, monkeypatch)
    make_table(app)
    yield app
    drop_table(app)


@pytest.fixture
def env(services: object, tmp_path: Path) -> dict[str, str]:
    """The environment of a process that has the probe plugin installed and enabled."""
    return environment(tmp_path)
