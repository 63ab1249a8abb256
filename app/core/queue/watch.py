"""A job under watch: its lease renewed, its time and memory bounded. Only for a process that may die of it."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.core.plugin import Job
from app.core.queue import claims
from app.core.queue.claims import LEASE, Claim
from app.core.settings import CoreSettings

_RENEW_S = LEASE.total_seconds() / 3
_GRACE_S = 5

log = structlog.get_logger(__name__)


class Watchman:
    """Watches one job at a time. A job that overstays is recorded as failed, and then this process is killed."""

    def __init__(self, engine: Engine, settings: CoreSettings) -> None:
        self._engine = engine
        self._timeout_s = settings.job_timeout_s
        self._backoff_s = settings.job_backoff_s
        _limit_memory(settings.job_memory_mb * 1024 * 1024)

    @contextmanager
    def __call__(self, claim: Claim, job: Job) -> Iterator[None]:
        over = threading.Event()
        threading.Thread(target=self._watch, args=(claim, job, over), name=f"watch-{claim.name}", daemon=True).start()
        # A handler that never lets go of the interpreter stops the thread too; the kernel's timer it cannot stop.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self._timeout_s + _GRACE_S)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            over.set()

    def _watch(self, claim: Claim, job: Job, over: threading.Event) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not over.wait(min(_RENEW_S, max(deadline - time.monotonic(), 0))):
            with suppress(SQLAlchemyError):
                if time.monotonic() < deadline:
                    claims.renew(self._engine, claim)
                elif self._give_up(claim, job):
                    os.kill(os.getpid(), signal.SIGKILL)
            over.wait(0.1)  # a database that is away is not asked in a tight loop

    def _give_up(self, claim: Claim, job: Job) -> bool:
        # The verdict is fenced: a handler that has just finished keeps its own, and the process lives.
        reason = f"ran longer than PLAYHALL_JOB_TIMEOUT_S, {self._timeout_s} s, and was killed"
        log.error("jobs.overstayed", job=claim.name, job_id=str(claim.id))
        return claims.fail(self._engine, claim, retries=job.retries, reason=reason, backoff_s=self._backoff_s)


def _limit_memory(most: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
