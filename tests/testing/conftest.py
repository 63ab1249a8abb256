"""The bell, in this process, as if it were enabled."""

from __future__ import annotations

import pytest
from flask import Flask

from app.core.state import Playhall
from playhall import Subscription
from tests.testing.bell import JOBS, Heard, Rang, called


@pytest.fixture
def bell(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application, with the bell's events and jobs."""
    playhall: Playhall = app.extensions["playhall"]
    called.clear()
    monkeypatch.setattr(playhall, "jobs", {**playhall.jobs, **{job.name: job for job in JOBS}})
    monkeypatch.setattr(playhall, "events", {**playhall.events, Rang.name: Rang, Heard.name: Heard})
    subscription = Subscription(event=Rang.name, job="bell.echo")
    monkeypatch.setattr(playhall, "subscriptions", {**playhall.subscriptions, Rang.name: [subscription]})
    return app
