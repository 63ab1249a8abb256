"""The operations under test, and requests that reach them: from the examples in their document and from rows that are there."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import IntegerConverter, Rule, UUIDConverter
from werkzeug.test import TestResponse

from app.core.idempotency import HEADER
from app.core.operation import Operation
from playhall.testing.routes import owner_of

from .references import resolved

CORE = "core"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
NOBODY = "01900000-0000-7000-8000-00000000dead"
TRIES = 8  # rows of one name that are tried

_PARAMETER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_FORMATS = {"uuid": NOBODY, "date-time": "2026-01-31T12:00:00Z", "date": "2026-01-31", "email": "player@example.com"}
_FORMATS["uri"] = "https://example.com/"

Found = Callable[[str, str], Sequence[str]]  # plugin, name of a parameter -> ids of rows of that name


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One method of one address."""

    method: str
    rule: Rule
    owner: str
    promise: Operation | None  # None where the core answers without an operation
    said: Mapping[str, Any]  # its part of the OpenAPI document; empty where it has none

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def path(self) -> str:
        """As the OpenAPI document writes it."""
        return _PARAMETER.sub(r"{\1}", self.rule.rule)

    @property
    def unsafe(self) -> bool:
        """Whether it may change something."""
        return self.method in UNSAFE

    @property
    def public(self) -> bool:
        """Whether nobody has to sign in."""
        return self.promise is None or self.promise.public

    @property
    def for_operators(self) -> bool:
        """Whether it is there for those who may see what is not theirs."""
        return "/admin/" in self.rule.rule

    @property
    def parameters(self) -> list[str]:
        """The names in its path."""
        return list(self.rule._converters)

    def takes(self, parameter: str, value: str) -> bool:
        """Whether a value fits a parameter of the path."""
        converter = self.rule._converters[parameter]
        if isinstance(converter, UUIDConverter):
            return _is_uuid(value)
        if isinstance(converter, IntegerConverter):
            return value.isdigit()
        return bool(value) and "/" not in value and len(value) < 200


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to a target."""

    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


def targets(app: Flask, names: Sequence[str], document: Mapping[str, Any], *, methods: Sequence[str] = ()) -> list[Target]:
    """Every method of every address of these plugins; of the core, too, when it is named. HEAD only when it is asked for."""
    plugins = {plugin.name for plugin in app.extensions["playhall"].plugins}
    found = []
    for rule in app.url_map.iter_rules():
        # A test's own blueprint is nobody's plugin.
        owner = owner_of(rule) if owner_of(rule) in {*plugins, *names} else CORE
        if owner in names:
            promise = getattr(app.view_functions[rule.endpoint], "__operation__", None)
            said = document["paths"].get(_PARAMETER.sub(r"{\1}", rule.rule), {})
            wanted = (rule.methods or set()) - ({"HEAD", "OPTIONS"} - {*methods})
            found += [Target(method, rule, owner, promise, said.get(method.lower(), {})) for method in wanted]
    return sorted(found, key=lambda one: (one.path, one.method))


def send(client: FlaskClient, target: Target, request: Request, *, key: str | None = None) -> TestResponse:
    """Send it, with this Idempotency-Key where the operation demands one."""
    demanded = target.promise is not None and target.promise.idempotent
    headers = {HEADER: key or f"gate-{next(_numbers)}"} if demanded else {}
    options: dict[str, Any] = {} if request.body is None else {"json": request.body}
    return client.open(request.path, method=target.method, query_string=dict(request.query), headers=headers, **options)


_numbers = itertools.count(1)


def read(answer: TestResponse) -> Any:
    """The document of an answer; its text when it is none."""
    try:
        return json.loads(answer.data)
    except ValueError:
        return answer.get_data(as_text=True)


class Examples:
    """Requests that should be answered with success."""

    def __init__(self, document: Mapping[str, Any], found: Found, given: Mapping[str, str]) -> None:
        self._document, self._found, self._given = document, found, given

    def of(self, target: Target) -> Iterator[Request]:
        """Up to TRIES requests, with other rows in the path."""
        choices = [self.ids(target, name)[:TRIES] for name in target.parameters]
        for values in itertools.islice(itertools.product(*choices), TRIES):
            yield self.request(target, dict(zip(target.parameters, values, strict=True)))

    def request(self, target: Target, path: Mapping[str, str]) -> Request:
        """A request with these values in its path; what else it demands is made from the document."""
        url = _PARAMETER.sub(lambda found: path[found[1]], target.rule.rule)
        said = [self.resolved(one) for one in target.said.get("parameters", ())]
        query = {one["name"]: self._value(target, one["name"], one) for one in said if one["in"] == "query" and one.get("required")}
        content = target.said.get("requestBody", {}).get("content", {})
        body = self._value(target, "", content["application/json"]) if "application/json" in content else None
        return Request(url, query, body)

    def ids(self, target: Target, name: str) -> list[str]:
        """What may stand in the path: what setup.cfg says, ids of rows of that name, or else what fits and is not there."""
        if value := self._given.get(f"path.{name.lower()}"):
            return [value]
        found = [value for value in self._found(target.owner, name) if target.takes(name, value)]
        return found or [next(value for value in (NOBODY, "1", "nothing") if target.takes(name, value))]

    def resolved(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference refers to."""
        return resolved(said, self._document)

    def _value(self, target: Target, name: str, said: Mapping[str, Any]) -> Any:
        """The example of a parameter, a media type or a schema; or one made from its schema."""
        said = self.resolved(said)
        if "example" in said:
            return said["example"]
        if named := said.get("examples"):
            return named[0] if isinstance(named, list) else next(iter(named.values()))["value"]
        if "schema" in said:
            return self._value(target, name, said["schema"])
        for word in ("const", "default"):
            if word in said:
                return said[word]
        if "enum" in said:
            return next(value for value in said["enum"] if value is not None)
        return self._made(target, name, said)

    def _made(self, target: Target, name: str, said: Mapping[str, Any]) -> Any:
        if every := said.get("allOf"):
            parts = [self._value(target, name, one) for one in every]
            return {key: value for part in parts for key, value in part.items()} if isinstance(parts[0], dict) else parts[0]
        for word in ("oneOf", "anyOf"):
            if word in said:
                return self._value(target, name, next(one for one in said[word] if self.resolved(one).get("type") != "null"))
        kind = said.get("type", "object")
        kind = next(one for one in ([kind] if isinstance(kind, str) else kind) if one != "null")
        if kind == "object":
            inner = said.get("properties", {})
            return {one: self._value(target, one, inner.get(one, {})) for one in said.get("required", ())}
        if kind == "array":
            return [self._value(target, name, said.get("items", {})) for _ in range(said.get("minItems", 0))]
        if kind in ("integer", "number"):
            return max(said.get("minimum", 1), 1) if said.get("maximum", 1) >= 1 else said["maximum"]
        return True if kind == "boolean" else self._text(target, name, said)

    def _text(self, target: Target, name: str, said: Mapping[str, Any]) -> str:
        if said.get("format") == "uuid" and (rows := self._found(target.owner, name.removesuffix("_id"))):
            return rows[0]
        return _FORMATS.get(said.get("format", "")) or "text".ljust(said.get("minLength", 0), "x")[: said.get("maxLength", 80)]


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False
