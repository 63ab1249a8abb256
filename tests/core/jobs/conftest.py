"""The probe plugin, in this process and as an environment for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import probe_plugin
import pytest
from flask import Flask
from probe_plugin.api import Seen
from probing import drop_table, environment, make_table

from app.core.state import Playhall


@pytest.fixture
def probed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application, with the probe's jobs and events, and a table for their effects."""
    playhall: Playhall = app.extensions["playhall"]
    plugin = probe_plugin.plugin
    monkeypatch.setattr(playhall, "jobs", {**playhall.jobs, **{job.name: job for job in plugin.jobs}})
    monkeypatch.setattr(playhall, "events", {**playhall.events, Seen.name: Seen})
    monkeypatch.setattr(playhall, "subscriptions", {**playhall.subscriptions, Seen.name: list(plugin.subscriptions)})
    make_table(app)
    yield app
    drop_table(app)


@pytest.fixture
def env(services: object, tmp_path: Path) -> dict[str, str]:
    """The environment of a process that has the probe plugin installed and enabled."""
    return environment(tmp_path)
