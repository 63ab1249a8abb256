"""Events: facts that something happened, committed with the change they tell of."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, get_type_hints
from uuid import UUID

import structlog

from app.core.db import uuid7
from app.core.queue.payload import decode, encode, problem
from app.core.state import state
from app.core.statement import Statement

NAME = re.compile(r"[a-z][a-z0-9]{1,29}\.[a-z][a-z0-9_]*\.v[1-9][0-9]*")
_INSERT = Statement("INSERT INTO core_outbox (id, name, account_id, payload, context) VALUES ($1, $2, $3, $4, $5)")
_CORRELATED = ("request_id", "account_id")


class UndeclaredEvent(TypeError):
    """The event's class is not among the events of an enabled plugin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of every event: a frozen dataclass whose fields can travel. A new field needs a default; a breaking change is a new `.v<n>`."""

    name: ClassVar[str]  # "<plugin>.<past tense>.v<n>"

    def to_payload(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {field.name: encode(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """The event that the fields stand for. Fields that a newer publisher added are left out."""
        hints = get_type_hints(cls)
        known = (field.name for field in dataclasses.fields(cls) if field.name in payload)
        return cls(**{name: decode(payload[name], hints[name]) for name in known})

    @classmethod
    def problems(cls) -> list[str]:
        """Everything wrong with this class; empty when it is sound."""
        return [f"event {cls.__qualname__}: {found}" for found in cls._problems()]

    @classmethod
    def _problems(cls) -> Iterator[str]:
        name = getattr(cls, "name", "")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            yield f"name {name!r} must be '<plugin>.<past tense>.v<n>', for example 'loot.dropped.v1'"
        if "__dataclass_params__" not in vars(cls) or not vars(cls)["__dataclass_params__"].frozen:
            yield "decorate it with @dataclass(frozen=True, slots=True, kw_only=True)"
            return
        hints = get_type_hints(cls)
        for field in dataclasses.fields(cls):
            if found := problem(hints[field.name]):
                yield f"field {field.name!r}: {found}"
        if hints.get("account_id", UUID) not in (UUID, UUID | None):
            yield "field 'account_id' must be a UUID: it is the account that the event is about"


def publish(event: Event) -> None:
    """Tell it when, and only when, the transaction under way commits; raises UndeclaredEvent."""
    if state().events.get(event.name) is not type(event):
        raise UndeclaredEvent(f"{type(event).__qualname__} ({event.name}) is no event of an enabled plugin; add it to Plugin.events")
    account = getattr(event, "account_id", None)
    context = correlation()
    _INSERT.send(uuid7(), event.name, account, json.dumps(event.to_payload()), context and json.dumps(context))


def correlation() -> dict[str, str] | None:
    """The request and the account that this work is done for, as far as the log knows them."""
    bound = structlog.contextvars.get_contextvars()
    return {key: str(bound[key]) for key in _CORRELATED if bound.get(key)} or None
