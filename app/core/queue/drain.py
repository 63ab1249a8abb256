"""Run what is due, one job at a time."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pkgutil import resolve_name
from typing import Any, get_type_hints

import structlog
from flask import Flask, current_app
from sqlalchemy.exc import DBAPIError

from app.core.db import db, session, transaction
from app.core.jobs import RunningJob, running
from app.core.plugin import Job
from app.core.queue import claims
from app.core.queue.claims import Claim, Fenced
from app.core.queue.payload import decode
from app.core.queue.wake import wake
from app.core.state import state

BATCH = 100

Watch = Callable[[Claim, Job], AbstractContextManager[None]]

log = structlog.get_logger(__name__)


def unwatched(_claim: Claim, _job: Job) -> AbstractContextManager[None]:
    """Let it run as long as it likes; the lease is not renewed."""
    return nullcontext()


def drain(*, stopping: Callable[[], bool] = lambda: False, watch: Watch = unwatched) -> int:
    """Run what is due, up to 100 jobs, until there is no more or it is told to stop; how many were claimed."""
    claims.reap(db.engine)
    for claimed in range(BATCH):
        if stopping() or (job := claims.claim(db.engine)) is None:
            return claimed
        if claimed == 0 and claims.is_due(db.engine):
            wake()  # there is enough for one more worker
        perform(job, watch)
    wake()
    return BATCH


def perform(claim: Claim, watch: Watch = unwatched) -> BaseException | None:
    """Run one claimed job and give the verdict. A handler's own exception is not raised here; it is returned."""
    job = state().jobs.get(claim.name)
    with structlog.contextvars.bound_contextvars(**(claim.context or {}), job=claim.name, job_id=str(claim.id), attempt=claim.attempt):
        if job is None:
            log.warning("jobs.unknown", hint="enable the plugin that has this job; until then it waits")
            claims.postpone(db.engine, claim)
        elif claim.attempt > job.retries + 1:
            log.error("jobs.dead", reason=claim.error)
            claims.bury(db.engine, claim, claim.error or claims.WORKER_DIED, attempts=claim.attempt - 1)
        else:
            with watch(claim, job):
                return _attempt(claim, job)
    return None


def _attempt(claim: Claim, job: Job) -> BaseException | None:
    try:
        with _this_app().app_context(), running(RunningJob(claim.id, claim.name, claim.attempt, claim.event_id)):
            transaction(lambda: _work(claim, job))
        log.info("jobs.done")
    except Fenced:
        log.warning("jobs.fenced", hint="another worker took it over; nothing was changed here")
    except (Exception, SystemExit) as error:
        log.warning("jobs.failed", exc_info=True)
        backoff = state().settings.job_backoff_s
        claims.fail(db.engine, claim, retries=job.retries, reason=reason(error), backoff_s=backoff)
        return error
    return None


def _work(claim: Claim, job: Job) -> None:
    handler = resolve_name(job.run)
    handler(**arguments(handler, claim))
    session().flush()
    # Last, so that the row is not locked while the handler works and its lease can be renewed.
    if session().connection().execute(claims.done(claim)).rowcount != 1:
        raise Fenced(claim.id)


def arguments(handler: Callable[..., Any], claim: Claim) -> dict[str, Any]:
    """The payload by the handler's own annotations. Of an event it gets the fields that it names, so that new ones do no harm."""
    parameters = inspect.signature(handler).parameters
    payload = claim.payload
    if claim.event_id is not None and not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        payload = {name: value for name, value in payload.items() if name in parameters}
    hints = get_type_hints(handler)
    return {name: decode(value, hints[name]) if name in parameters and name in hints else value for name, value in payload.items()}


def reason(error: BaseException) -> str:
    """What an operator reads. Of a database error only the server's sentence: the parameters may be secret."""
    said = getattr(getattr(error.orig, "diag", None), "message_primary", None) if isinstance(error, DBAPIError) else str(error)
    return f"{type(error).__name__}: {said or ''}".removesuffix(": ")


def _this_app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]
