"""Requests that schemathesis makes from a document, and what is wrong with their answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from werkzeug.test import TestResponse

from .calls import Target
from .world import World

CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, what asked for it, and what is wrong with it: title -> sentence."""

    sent: str
    status: int
    failures: Mapping[str, str]


def schema_of(app: Flask, document: Mapping[str, Any]) -> Any:
    """A document as schemathesis reads it; its requests go to the application in this process."""
    schema = schemathesis.openapi.from_dict(dict(document))
    schema.app = app.wsgi_app  # of a Flask it would raise what the application answers with 500
    return schema


def tried(world: World, target: Target, schema: Any, count: int, *, valid: bool = False) -> Iterator[Answered]:
    """Send so many requests, the same ones in every run: some as they should be and, unless they are to be valid, some not."""
    operation = schema[target.path][target.method]
    found: list[Answered] = []
    client = world.caller(target)
    modes = {} if not valid else {"generation_mode": GenerationMode.POSITIVE}

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy(**modes))
    def send(case: Any) -> None:
        # A new account for each that may change something: one that has had its share would be refused whatever it sends.
        sender = world.client(world.another()) if target.unsafe and not target.public else client
        answer = case.call(headers=getattr(sender, "headers", {}))
        sent = f"{case.formatted_path} {dict(case.query or {}) or ''} {'' if not isinstance(case.body, dict | list | str) else case.body!r}"
        found.append(Answered(" ".join(sent.split()), answer.status_code, wrong(case, answer)))

    send()
    yield from found


def judged(target: Target, schema: Any, answer: TestResponse) -> Answered:
    """What is wrong with an answer to a request that somebody else made."""
    return Answered(answer.request.path, answer.status_code, wrong(schema[target.path][target.method].Case(), answer))


def wrong(case: Any, answer: Any) -> dict[str, str]:
    """Title -> sentence, of everything in which an answer is not what the document says."""
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as group:
        return {one.title: _line(one) for one in group.exceptions if isinstance(one, Failure)}
    except Failure as failure:
        return {failure.title: _line(failure)}
    return {}


def _line(failure: Failure) -> str:
    """A failure in one line; what it quotes of the answer is cut."""
    text = " ".join(failure.message.split())
    return f"{failure.title}: {text[:200]}" if text else failure.title
