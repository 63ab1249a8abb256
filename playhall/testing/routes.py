"""A plugin's operations, each with an address that can be called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, BaseConverter, FloatConverter, IntegerConverter, Rule, UUIDConverter
from werkzeug.test import TestResponse

from app.core.operation import Operation

_NOBODY = UUID("01900000-0000-7000-8000-00000000dead")
_LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address."""

    method: str
    rule: str
    path: str  # with values that fit, of things that are not there
    operation: Operation | None

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"

    def call(self, client: FlaskClient) -> TestResponse:
        """Send a request without a body."""
        return client.open(self.path, method=self.method)


def routes(app: Flask, plugin: str) -> list[Route]:
    """Every method of every address of a plugin."""
    own = [rule for rule in app.url_map.iter_rules() if owner_of(rule) == plugin]
    return sorted((route for rule in own for route in _routes(app, rule)), key=str)


def owner_of(rule: Rule) -> str:
    """The plugin that a route belongs to, or what the core calls it."""
    return str(rule.endpoint).split(".")[0].split("-")[0]


def entry_problem(route: Route, answer: TestResponse, *, status: int, code: str) -> str | None:
    """What is wrong with the answer to somebody who may not do that."""
    if answer.status_code == status and (answer.get_json(silent=True) or {}).get("code") == code:
        return None
    return f"{route} answers {answer.status_code}, not {status} {code}: {answer.text[:200]}"


def limit_problem(route: Route, answer: TestResponse) -> str | None:
    """Whether the answer says how many requests are left."""
    missing = [name for name in _LIMITS if name not in answer.headers]
    return f"{route} answers {answer.status_code} without {', '.join(missing)}; route it on playhall.Blueprint" if missing else None


def _routes(app: Flask, rule: Rule) -> Iterator[Route]:
    operation = getattr(app.view_functions[rule.endpoint], "__operation__", None)
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
        values = {name: _value(converter) for name, converter in rule._converters.items()}
        path = app.url_map.bind("localhost").build(rule.endpoint, values, method=method)
        yield Route(method, rule.rule, path, operation)


def _value(converter: BaseConverter) -> Any:
    if isinstance(converter, UUIDConverter):
        return _NOBODY
    if isinstance(converter, IntegerConverter | FloatConverter):
        return max(converter.min or 0, 1)
    return min(converter.items) if isinstance(converter, AnyConverter) else "nothing-of-that-name"
