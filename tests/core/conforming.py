"""A client that holds every answer against the OpenAPI document: its status, its media type, its headers, its body."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from werkzeug.test import TestResponse

FORMATS = FormatChecker(formats=())


@FORMATS.checks("uuid", raises=ValueError)
def is_uuid(value: object) -> bool:
    """The usual spelling of an id."""
    return not isinstance(value, str) or str(UUID(value)) == value.lower()


@FORMATS.checks("date-time", raises=ValueError)
def is_moment(value: object) -> bool:
    """RFC 3339 in UTC, with Z."""
    return not isinstance(value, str) or (value.endswith("Z") and datetime.fromisoformat(value) is not None)


def is_error(answer: dict[str, Any]) -> bool:
    """Whether a documented answer is a problem document."""
    return "application/problem+json" in answer.get("content", {})


class Document:
    """An OpenAPI document that answers are held against. `seen` collects (operationId, status)."""

    def __init__(self, document: dict[str, Any]) -> None:
        # Absolute references: a part of the document is then a schema by itself.
        document = json.loads(json.dumps(document).replace('"#/', '"urn:document#/'))
        self.registry = Registry().with_resource("urn:document", Resource.from_contents(document, default_specification=DRAFT202012))
        self.seen: set[tuple[str, int]] = set()
        self.codes: set[tuple[str, str]] = set()
        self.operations = [
            (method.upper(), path, said)
            for path, item in document["paths"].items()
            for method, said in item.items()
            if method != "parameters"
        ]
        self._paths = {re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): item for path, item in document["paths"].items()}

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation that stands in the document for a request."""
        for pattern, item in self._paths.items():
            if pattern.fullmatch(path):
                found: dict[str, Any] | None = item.get(method.lower())
                return found
        return None

    def codes_of(self, said: dict[str, Any]) -> set[str]:
        """Every error code that an operation declares."""
        answers = [self._resolve(answer) for answer in said["responses"].values()]
        errors = [answer["content"]["application/problem+json"]["schema"]["allOf"][1] for answer in answers if is_error(answer)]
        return {code for error in errors for code in error["properties"]["code"]["enum"]}

    def check(self, response: TestResponse) -> None:
        """Fail when the answer is none that the document promises for the request."""
        operation = self.operation(response.request.method, response.request.path)
        if operation is None:
            return
        name, status = operation["operationId"], response.status_code
        promised = operation["responses"].get(str(status))
        assert promised, f"{name} answered {status}, which is not documented: {response.text}"
        self._check_headers(self._resolve(promised), response)
        self._check_body(self._resolve(promised), response)
        self.seen.add((name, status))
        if response.mimetype == "application/problem+json":
            self.codes.add((name, response.get_json()["code"]))

    def _check_headers(self, promised: dict[str, Any], response: TestResponse) -> None:
        for header, reference in promised["headers"].items():
            said = self._resolve(reference)
            assert not said.get("required") or header in response.headers, f"{header} is missing"
            if header in response.headers:
                value: Any = response.headers[header]
                self._validator(said["schema"]).validate(int(value) if said["schema"].get("type") == "integer" else value)

    def _check_body(self, promised: dict[str, Any], response: TestResponse) -> None:
        if "content" not in promised:
            assert response.data == b""
            return
        assert response.mimetype in promised["content"], f"{response.mimetype} is not documented"
        self._validator(promised["content"][response.mimetype]["schema"]).validate(
            response.get_json() if response.is_json else response.text
        )

    def _validator(self, schema: dict[str, Any]) -> Draft202012Validator:
        return Draft202012Validator(schema, registry=self.registry, format_checker=FORMATS)

    def _resolve(self, found: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in found:
            return found
        resolved: dict[str, Any] = self.registry.resolver().lookup(found["$ref"]).contents
        return resolved


class ConformingClient(FlaskClient):
    """A browser on a page elsewhere: every answer it gets must be readable there, and as documented."""

    document: Document
    origin: str

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        self.environ_base["HTTP_ORIGIN"] = self.origin
        response = super().open(*args, **kwargs)
        assert response.headers["Access-Control-Allow-Origin"] == self.origin
        assert "Origin" in response.headers["Vary"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        if response.status_code >= 400:
            assert response.content_type == "application/problem+json"
            assert response.get_json()["request_id"] == response.headers["X-Request-Id"]
        self.document.check(response)
        return response
