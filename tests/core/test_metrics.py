"""What Prometheus reads, and that no caller can make it grow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app.core.health import health
from app.core.operating import metrics
from app.core.queue.figures import Figures

FIGURES = Figures(1, 2, 3, 4, 5.0, 6, 7.0, None, None, None, {("probe.act", "done"): 9})


def sample(text: bytes, name: str, **labels: str) -> float | None:
    """The value of one series; None when there is none."""
    for family in text_string_to_metric_families(text.decode()):
        for one in family.samples:
            if one.name == name and labels.items() <= one.labels.items():
                return one.value
    return None


def read(app: Flask) -> bytes:
    return health(app).answer("/metrics").body


def series(app: Flask) -> int:
    return len(re.findall(rb"(?m)^playhall_http_request_duration_seconds_count", read(app)))


def test_a_request_is_counted_by_template_method_and_class(client: FlaskClient, app: Flask) -> None:
    labels = {"route": "/api/v1/health", "method": "GET", "status": "2xx"}
    name = "playhall_http_request_duration_seconds_count"
    before = sample(read(app), name, **labels) or 0
    client.get("/api/v1/health")
    assert sample(read(app), name, **labels) == before + 1


def test_addresses_and_methods_that_we_do_not_have_are_one_series(client: FlaskClient, app: Flask) -> None:
    client.get("/no/such/1")
    client.open("/no/such/1", method="BREW")
    before = series(app)
    for number in range(50):
        client.get(f"/no/such/{number}")
        client.open("/no/such/1", method=f"BREW{number}")
    assert series(app) == before


def test_what_was_measured_of_the_queue_is_told() -> None:
    text = metrics.render(metrics.Measured(lambda: FIGURES, lambda: {"database": True, "redis": False}))
    assert sample(text, "playhall_jobs_dead") == 3
    assert sample(text, "playhall_outbox_lag_s") == 7
    assert sample(text, "playhall_kafka_waiting") is None
    assert sample(text, "playhall_jobs_ended_total", job="probe.act", outcome="done") == 9
    assert sample(text, "playhall_service_up", service="database") == 1
    assert sample(text, "playhall_service_up", service="redis") == 0


def test_before_the_first_measurement_nothing_is_claimed() -> None:
    text = metrics.render(metrics.Measured(lambda: None, dict))
    assert sample(text, "playhall_jobs_due") is None


def test_every_figure_says_what_it_is() -> None:
    text = metrics.render(metrics.Measured(lambda: Figures(0, 0, 0, 0, 0.0, 0, 0.0, 0, 0.0, 0), dict))
    helped = set(re.findall(rb"# HELP (playhall_\w+) \w", text))
    assert set(re.findall(rb"(?m)^(playhall_(?:job|outbox|kafka)\w+) ", text)) <= helped


def test_the_processes_of_a_folder_are_added_up(tmp_path: Path) -> None:
    """Two processes that counted, and have ended: what they counted stays."""
    count = "from app.core.operating import metrics; metrics.request_done('/x', 'GET', 200, 0.001); metrics.pool_seen(1, 10)"
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], env=environment, check=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(tmp_path)
    try:
        text = metrics.render(metrics.Measured(lambda: None, dict))
    finally:
        del os.environ["PROMETHEUS_MULTIPROC_DIR"]
    assert sample(text, "playhall_http_request_duration_seconds_count", route="/x", status="2xx") == 2
    assert sample(text, "playhall_database_connections", state="allowed") == 20


def test_connections_are_counted(app: Flask) -> None:
    metrics.pool_seen(3, 10)
    assert sample(read(app), "playhall_database_connections", state="in_use") == 3


@pytest.mark.parametrize("status", [101, 204, 304, 404, 503])
def test_a_status_is_counted_by_its_class(app: Flask, status: int) -> None:
    metrics.request_done("/x", "GET", status, 0.001)
    assert sample(read(app), "playhall_http_request_duration_seconds_count", route="/x", status=f"{status // 100}xx")
