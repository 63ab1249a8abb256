"""What the services' states mean together: ready or not, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.operating.management import Reply

if TYPE_CHECKING:
    from app.core.operating.checks import Check
    from app.core.operating.probe import Probe
    from app.core.queue.figures import Figures

LATE = 60.0  # seconds after which waiting jobs or events say that nobody takes them

LIVE = Reply(200, b'{"status": "live"}\n')


@dataclass(frozen=True, slots=True)
class Report:
    """The state of the services. `broken` ones keep us from serving; `degraded` ones do not."""

    services: Mapping[str, str]  # name -> ok, degraded, down, disabled, or unknown while the database is down
    why: Mapping[str, str]  # what is not ok, with the reason; for operators only
    behind: Sequence[str] = ()  # branches whose newest revision is not in the database

    @property
    def broken(self) -> list[str]:
        """The services without which no request can be served."""
        return [name for name, status in self.services.items() if status == "down"]

    @property
    def degraded(self) -> list[str]:
        """The services that do not work, or not well, and without which requests are served."""
        return [name for name, status in self.services.items() if status == "degraded"]

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return not self.broken and not self.behind

    @property
    def status(self) -> str:
        """One word: ok, degraded or down."""
        return "down" if not self.ready else "degraded" if self.degraded else "ok"

    def reply(self, *, tell_why: bool) -> Reply:
        """The answer of /readyz; the reasons may name hosts and belong on the management port alone."""
        said = {"status": "ready" if self.ready else "not ready", "broken": self.broken, "degraded": self.degraded, "behind": self.behind}
        return Reply(200 if self.ready else 503, json.dumps({**said, "why": self.why} if tell_why else said).encode() + b"\n")


def report(database: Probe, redis: Check, plugins: Sequence[Check], measured: Figures | None, *, kafka: bool) -> Report:
    """Put together what each has found out."""
    down = {"database": database.problem} if database.problem else {}
    behind = () if down else database.known.get("behind", ())
    if isinstance(behind, Exception):
        down["migrations"], behind = str(behind), ()
    down |= {check.name: check.problem for check in plugins if check.problem}
    degraded = _late(measured) | _refused(measured)
    if redis.problem:
        degraded["redis"] = redis.problem
    names = ["database", "migrations", "redis", "jobs", "events", "kafka", *(check.name for check in plugins)]
    services = {name: "down" if name in down else "degraded" if name in degraded else "ok" for name in names}
    if database.problem or measured is None:
        services |= dict.fromkeys(("jobs", "events", "kafka"), "unknown")
    if database.problem:
        services["migrations"] = "unknown"
    if not kafka:
        services["kafka"] = "disabled"
    if behind:
        services["migrations"] = "down"
    return Report(services, {**degraded, **down}, behind)


def _late(measured: Figures | None) -> dict[str, str]:
    if measured is None:
        return {}
    lags = {
        "jobs": (measured.job_lag_s, "the oldest due job has waited {:.0f} s: does `flask worker` run?"),
        "events": (measured.outbox_lag_s, "the oldest event has waited {:.0f} s: does `flask relay` run?"),
        "kafka": (measured.kafka_lag_s or 0, "the oldest event has waited {:.0f} s for Kafka"),
    }
    return {name: sentence.format(lag) for name, (lag, sentence) in lags.items() if lag > LATE}


def _refused(measured: Figures | None) -> dict[str, str]:
    count = measured.kafka_refused if measured else None
    return {"kafka": f"Kafka has refused {count} events; see: flask events list"} if count else {}
