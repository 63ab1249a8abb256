"""Events and jobs: whether what is sent is what arrives."""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pkgutil import resolve_name
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from app.core.events import Event
from app.core.plugin import Job, Plugin
from app.core.queue.payload import problem

_SAMPLES: dict[Any, Any] = {
    UUID: UUID("01900000-0000-7000-8000-0000000000aa"),
    datetime: datetime(2026, 2, 28, 23, 59, 59, 999999, UTC),
    int: 2**53 + 1,
    bool: True,
    str: "Ä 🦊\n'\"",
    type(None): None,
}


def event_problems(event: type[Event]) -> list[str]:
    """What is wrong with an event class, and with what is left of it after it has travelled."""
    if found := event.problems():
        return found
    hints = get_type_hints(event)
    sent = event(**{field.name: _sample(hints[field.name]) for field in dataclasses.fields(event)})
    arrived = event.from_payload(json.loads(json.dumps(sent.to_payload())))
    problems = [] if arrived == sent else [f"{event.__qualname__}: {sent} arrives as {arrived}; give its fields types that can travel"]
    own = vars(event).get("__doc__") or ""
    if not own or own.startswith(f"{event.__name__}("):  # what dataclass writes when there is none
        problems.append(f"{event.__qualname__} has no docstring; say in one sentence what has happened")
    return problems


def job_problems(plugin: Plugin, job: Job, events: Mapping[str, type[Event]]) -> Iterator[str]:
    """Why a handler cannot be called with what will be sent to it: an event's fields, a schedule's nothing, a payload."""
    handler = resolve_name(job.run)
    if not callable(handler):
        yield f"{job.name}: {job.run} is no function"
        return
    parameters = inspect.signature(handler).parameters
    by_place = [name for name, one in parameters.items() if one.kind is one.POSITIONAL_ONLY]
    if by_place:
        yield f"{job.name}: {job.run} takes {', '.join(by_place)} by place; a payload comes by name: take the / away"
    named = {name: one for name, one in parameters.items() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)}
    required = {name for name, one in named.items() if one.default is one.empty}
    if job.cron and required:
        yield f"{job.name}: a schedule sends nothing, but {job.run} demands {', '.join(sorted(required))}; give defaults"
    yield from _untravelled(job, handler, named)
    for subscription in plugin.subscriptions:
        if subscription.job == job.name and (event := events.get(subscription.event)):
            fields = {field.name for field in dataclasses.fields(event)}
            if missing := required - fields:
                has = ", ".join(sorted(fields))
                yield f"{job.name}: {event.name} has no {', '.join(sorted(missing))}, which {job.run} demands; it has {has}"


def _untravelled(job: Job, handler: Callable[..., Any], named: Iterable[str]) -> Iterator[str]:
    hints = get_type_hints(handler)
    for name in named:
        if name not in hints:
            yield f"{job.name}: say of which type {name!r} of {job.run} is; it decides what the JSON becomes"
        elif found := problem(hints[name]):
            yield f"{job.name}: {name!r} of {job.run}: {found}"


def _sample(hint: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _sample(next(one for one in inner if one is not type(None)))
    if origin is tuple:
        return tuple(_sample(one) for one in inner if one is not ...)
    if origin in (dict, Mapping):
        return {"key": _sample(inner[1])}
    return _SAMPLES[hint]
