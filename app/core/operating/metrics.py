"""What Prometheus reads. Every label has a closed set of values: no caller can make the metrics grow.

With PROMETHEUS_MULTIPROC_DIR set, which the server does for its workers, the figures of all processes are added up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import lru_cache

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.core.queue.figures import Figures

UNKNOWN = "unknown"  # the one label of all addresses that are no route
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_requests = Histogram(
    "playhall_http_request_duration_seconds",
    "Time until an answer began, by route template, method and class of status.",
    ["route", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 3),
)
_pool = Gauge("playhall_database_connections", "Connections to PostgreSQL, in use and allowed.", ["state"], multiprocess_mode="livesum")


def request_done(route: str | None, method: str, status: int, seconds: float) -> None:
    """Count an answer. `route` is a template of ours, None for an address that there is none for."""
    _series(route or UNKNOWN, method if method in _METHODS else UNKNOWN, f"{status // 100}xx").observe(seconds)


def pool_seen(in_use: int, allowed: int) -> None:
    """Write down how many connections this process holds, and how many it may."""
    _pool.labels("in_use").set(in_use)
    _pool.labels("allowed").set(allowed)


# Finding a series by its labels costs more than counting.
_series = lru_cache(maxsize=None)(_requests.labels)


class Measured(Collector):
    """What all processes share and one of them measured: the state of the queue and of the services."""

    def __init__(self, figures: Callable[[], Figures | None], services: Callable[[], dict[str, bool]]) -> None:
        self._figures, self._services = figures, services

    def collect(self) -> Iterator[Metric]:
        """The last measurement; nothing before the first."""
        found = self._figures()
        if found:
            yield from _queue(found)
        up = GaugeMetricFamily("playhall_service_up", "Whether this process reaches a service it needs.", labels=["service"])
        for service, works in self._services().items():
            up.add_metric([service], works)
        yield up


def _queue(found: Figures) -> Iterator[Metric]:
    for name, said in _HELP.items():
        if (value := getattr(found, name)) is not None:
            yield GaugeMetricFamily(f"playhall_{name}", said, value=value)
    ended = CounterMetricFamily(
        "playhall_jobs_ended", "Attempts of jobs: done, failed and to be tried again, dead.", labels=["job", "outcome"]
    )
    for labels, total in found.ended.items():
        ended.add_metric(labels, total)
    yield ended


_HELP = {
    "jobs_due": "Jobs that could run now and have not been taken.",
    "jobs_running": "Jobs that a worker holds.",
    "jobs_dead": "Jobs that failed for good; see `flask jobs`.",
    "jobs_unknown": "Jobs that wait for a plugin that is not enabled.",
    "job_lag_s": "Seconds that the oldest due job has waited.",
    "outbox_waiting": "Events that no job was made for yet.",
    "outbox_lag_s": "Seconds that the oldest of them has waited.",
    "kafka_waiting": "Events that Kafka has not had yet.",
    "kafka_lag_s": "Seconds that the oldest of them has waited.",
    "kafka_refused": "Events that Kafka refused; see `flask events`.",
}


def render(measured: Measured) -> bytes:
    """All metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(measured)
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(registry) + generate_latest(REGISTRY)
