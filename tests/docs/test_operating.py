"""What docs/operating.md says of metrics, paths and commands is so."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

from app.core.health import health
from app.core.operating import metrics, outage, probe, server
from app.core.queue.figures import Figures
from app.embedded.supervisor import PROCESSES

PAGE = Path("docs/operating.md").read_text()


def test_every_metric_is_explained_and_exists(app: Flask) -> None:
    text = metrics.render(metrics.Measured(lambda: Figures(0, 0, 0, 0, 0.0, 0, 0.0, 0, 0.0, 0), lambda: {"database": True})).decode()
    # Prometheus's client also tells when each counter began.
    told = {name for name in re.findall(r"# TYPE (playhall_\w+)", text) if not name.endswith("_created")}
    documented = set(re.findall(r"`(playhall_\w+?)`", PAGE))
    assert documented == told


def test_every_path_answers(app: Flask) -> None:
    for path in re.findall(r"^\| `(/\w+)` \|", PAGE, re.MULTILINE):
        assert health(app).answer(path).status == 200


def test_the_commands_are_those_that_development_runs() -> None:
    for name, command in PROCESSES.items():
        assert f"| {name} | `{' '.join(command).split(' -m ')[1]}`".replace("`gunicorn", "`python -m gunicorn") in PAGE


def test_the_figures_are_those_of_the_code() -> None:
    assert f"for {probe.PATIENCE} s" in PAGE
    assert f"({server.graceful_timeout} s at most)" in PAGE
    assert probe.EVERY == 0.5
    assert probe.EVERY + probe.PATIENCE + 1 <= 3
    assert int(outage.RETRY_AFTER) > 0
