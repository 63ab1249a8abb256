"""How the queue does, in two queries: for metrics, health and `flask doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, Double, Select, cast, func, select

from app.core.db import session
from app.core.models import JobRow, JobTotal, OutboxEvent
from app.core.state import state


@dataclass(frozen=True, slots=True)
class Figures:
    """What waits, and for how long (seconds; 0 when nothing waits)."""

    jobs_due: int
    jobs_running: int
    jobs_dead: int
    jobs_unknown: int  # wait for a plugin that is not enabled
    job_lag_s: float
    outbox_waiting: int
    outbox_lag_s: float
    kafka_waiting: int | None  # None: Kafka is off
    kafka_lag_s: float | None
    kafka_refused: int | None  # set aside until an operator decides
    ended: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (job, outcome) -> attempts that ended so, ever


def figures() -> Figures:
    """The figures of this moment. Every count is over a partial index that holds only what waits."""
    jobs = state().jobs
    due = (JobRow.state == "ready", JobRow.run_at <= func.now())
    relayed = (OutboxEvent.kafka_at.is_(None), OutboxEvent.jobs_at.is_not(None), OutboxEvent.kafka_error.is_(None))
    parts = {
        "jobs_due": select(func.count()).where(*due),
        "jobs_running": select(func.count()).where(JobRow.state == "running"),
        "jobs_dead": select(func.count()).where(JobRow.state == "dead"),
        "jobs_unknown": select(func.count()).where(JobRow.state == "ready", JobRow.name.not_in(jobs)),
        "job_lag_s": _lag(select(func.min(JobRow.run_at)).where(*due)),
        "outbox_waiting": select(func.count()).where(OutboxEvent.jobs_at.is_(None)),
        "outbox_lag_s": _lag(select(func.min(OutboxEvent.created_at)).where(OutboxEvent.jobs_at.is_(None))),
        "kafka_waiting": select(func.count()).where(*relayed),
        "kafka_lag_s": _lag(select(func.min(OutboxEvent.created_at)).where(*relayed)),
        "kafka_refused": select(func.count()).where(OutboxEvent.kafka_error.is_not(None)),
    }
    off = () if state().settings.kafka_servers else ("kafka_waiting", "kafka_lag_s", "kafka_refused")
    asked = [part.scalar_subquery().label(name) for name, part in parts.items() if name not in off]
    values: dict[str, Any] = dict.fromkeys(off)
    totals = select(JobTotal.name, JobTotal.outcome, cast(func.sum(JobTotal.total), BigInteger)).group_by(JobTotal.name, JobTotal.outcome)
    ended = {(name, outcome): total for name, outcome, total in session().execute(totals)}
    return Figures(**values, **session().execute(select(*asked)).mappings().one(), ended=ended)


def _lag(oldest: Select[Any]) -> Select[tuple[float]]:
    since = func.extract("epoch", func.now() - oldest.scalar_subquery())
    return select(cast(func.greatest(func.coalesce(since, 0), 0), Double))
