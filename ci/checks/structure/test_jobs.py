"""A job that a crash cut off is run again: both attempts together have the effect of one."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from pkgutil import resolve_name
from typing import Any

from flask import Flask

from app.core.events import Event
from app.core.jobs import CORE_JOBS
from app.core.plugin import Job, Plugin
from app.core.queue.drain import reason
from playhall.testing import services
from playhall.testing.payloads import job_problems
from playhall.testing.samples import given

from ...problems import Problem
from ...scope import CORE, Scope
from ..conftest import Judge
from . import inputs
from .attempts import Failed, Workbench, differences, workbench

GATE = "jobs"

_AGAIN = "A worker may die at any moment, and its job is run again"
_ADVICE = "leave the commit to the worker: no session().commit(), no connection of its own, no state outside the database"


def test_jobs(scope: Scope, judge: Judge, migrated_app: Flask) -> None:
    """Every job of every plugin under test; the core's too when it is among them."""
    servers = services.given()
    assert servers is not None  # the application's fixture has put them into the environment
    samples = {column: value for name in scope.names for column, value in given(name, scope.root).items()}
    with workbench(migrated_app, servers, samples) as bench:
        judge(list(problems(scope, bench)))


def problems(scope: Scope, bench: Workbench) -> Iterator[Problem]:
    """What is wrong with the jobs under test."""
    core = [Plugin(name=CORE, version="0", jobs=CORE_JOBS)] if CORE in scope.names else []
    events = bench.app.extensions["playhall"].events
    for plugin in (*core, *scope.plugins):
        for job in plugin.jobs:
            yield from _Judged(scope, bench, plugin, job).problems(events)


class _Judged:
    """One job."""

    def __init__(self, scope: Scope, bench: Workbench, plugin: Plugin, job: Job) -> None:
        self._bench, self._plugin, self._job = bench, plugin, job
        self._handler: Callable[..., Any] = resolve_name(job.run)
        code = inspect.unwrap(self._handler).__code__
        self._where = f"{scope.relative(code.co_filename)}:{code.co_firstlineno}"
        self._key = f"payload.{job.name.partition('.')[2]}"
        self._given = scope.config.plugins.get(plugin.name, {}).get(self._key, "{}")

    def problems(self, events: Mapping[str, type[Event]]) -> Iterator[Problem]:
        """Arguments that cannot travel; else the first payload after which two attempts are not as one."""
        if wrong := list(job_problems(self._plugin, self._job, events)):
            yield from (
                self._problem(one, "What is sent is not what arrives", "give the handler arguments that can travel") for one in wrong
            )
            return
        try:
            payloads = list(self._payloads(events))
        except (ValueError, TypeError) as error:
            yield self._problem(f"{self._key} cannot be used: {error}", "Nothing is proved about this job", f"{self._do}, as a JSON object")
            return
        for event, payload in payloads:
            if found := self._tried(payload, event=event):
                yield found
                return

    @property
    def _do(self) -> str:
        return f'write in setup.cfg, under [ci:plugin:{self._plugin.name}]: {self._key} = {{"argument": value}}'

    def _payloads(self, events: Mapping[str, type[Event]]) -> Iterator[tuple[bool, dict[str, Any]]]:
        """Whether an event caused it, and what arrives."""
        subscribed = [one.event for one in self._plugin.subscriptions if one.job == self._job.name]
        asked = json.loads(self._given)
        if not isinstance(asked, dict):
            raise TypeError(f"{self._given} is no object")
        sources = [(name.partition(".")[0], inputs.of_event(events[name])) for name in subscribed if name in events]
        for owner, hints in sources or [(self._plugin.name, inputs.of_handler(self._handler))]:
            yield from ((bool(subscribed), one) for one in inputs.payloads(hints, owner, self._bench.rows, asked))

    def _tried(self, payload: dict[str, Any], *, event: bool) -> Problem | None:
        name = self._job.name
        try:
            clean = [self._bench.once(name, payload, event=event, skip=skip) for skip in (0, 1)]
        except Failed as failed:
            what = f"{name} is blind: with {json.dumps(payload)} it raises {_told(failed)}"
            return self._problem(what, "Nothing is proved about a job that does not run", self._do)
        try:
            twice = self._bench.cut_and_again(name, payload, event=event)
        except Failed as failed:
            return self._problem(f"{name}: after an attempt that was cut off, the second raises {_told(failed)}", _AGAIN, _ADVICE)
        if any(differences(clean, twice)):
            # What is drawn may have been the same twice: more runs show what is random.
            clean += [self._bench.once(name, payload, event=event, skip=skip) for skip in (2, 3, 4)]
        found = list(differences(clean, twice))
        said = f"{name}: when its first attempt is cut off before the commit, {'; '.join(found)}"
        return self._problem(said, _AGAIN, _ADVICE) if found else None

    def _problem(self, what: str, why: str, do: str) -> Problem:
        return Problem(gate=GATE, where=self._where, subject=self._job.name, what=what, why=why, do=do)


def _told(failed: Failed) -> str:
    assert failed.__cause__ is not None
    return reason(failed.__cause__)
