"""The other half of "true to the byte": every error code that an operation of any shape declares is one that it can answer with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from conforming import ConformingClient, Document
from flask import Flask
from guarding import SignedIn, SignIn
from sampling import document, guarded_app, sample, sign_in
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from app.core import guards, idempotency
from app.core.db import db, uuid7
from app.core.errors import AddressTooLong, DomainError, HeadersTooLarge
from app.core.web.edge import REFUSED

__all__ = ["document", "guarded_app", "sample", "sign_in"]

GONE = OperationalError("SELECT 1", {}, psycopg.OperationalError("gone"))
TOO_BIG = 2**31  # for a column of four bytes


@dataclass
class Call:
    """One operation, and how to call it."""

    client: ConformingClient
    method: str
    path: str
    said: dict[str, Any]
    me: SignedIn
    stranger: SignedIn
    patch: pytest.MonkeyPatch
    key: str = field(default_factory=lambda: str(uuid7()))

    def __call__(self, *, value: object = None, headers: dict[str, str | None] | None = None, **options: Any) -> TestResponse:
        """Its answer to a right request, apart from what is given; `value` stands where its path has a parameter."""
        sent: dict[str, str | None] = {**self.me.headers, "Idempotency-Key": self.key, **(headers or {})}
        options["headers"] = {name: said for name, said in sent.items() if said is not None}
        if "requestBody" in self.said and "data" not in options:
            options.setdefault("json", {"count": 1})
        path = self.path.replace("{thing}", str(value or uuid7())).replace("{number}", str(value or 1))
        return self.client.open(path, method=self.method, **options)


def too_big(call: Call) -> TestResponse:
    """What the document allows and PostgreSQL cannot hold."""
    if "requestBody" in call.said:
        return call(json={"count": TOO_BIG} if call.method == "PUT" else {"count": 1, "extra": {"stock": TOO_BIG}})
    return call(value=TOO_BIG) if "{number}" in call.path else call(query_string={"below": TOO_BIG})


def in_use(call: Call) -> TestResponse:
    """While another request with the key is running."""
    lock = {"lock": idempotency._lock(call.me.account, call.key)}
    with call.client.application.app_context(), db.engine.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(:lock)"), lock)
        try:
            return call()
        finally:
            other.execute(text("SELECT pg_advisory_unlock(:lock)"), lock)


def reused(call: Call) -> TestResponse:
    """After another request with the key."""
    first = call()
    assert first.status_code < 300
    return call(json={"count": 2}) if "requestBody" in call.said else call()


def too_many(call: Call) -> TestResponse:
    """The second in a minute."""
    playhall = call.client.application.extensions["playhall"]
    with call.patch.context() as patch:
        patch.setattr(playhall, "limits", dict.fromkeys(playhall.limits, "1/minute"))
        call()
        return call()


def failing(error: Exception) -> Callable[[Call], TestResponse]:
    """When the first thing that a request does fails so."""

    def provoke(call: Call) -> TestResponse:
        def check(*_: Any) -> None:
            raise error

        with call.patch.context() as patch:
            patch.setattr(guards, "check", check)
            return call()

    return provoke


def unread(error: DomainError) -> Callable[[Call], TestResponse]:
    """When the server could not read it; over a connection in test_unreadable.py."""
    return lambda call: call(environ_overrides={REFUSED: error})


PROVOKE: dict[str, Callable[[Call], TestResponse]] = {
    "core.host_refused": lambda call: call(headers={"Host": "evil.example"}),
    "core.malformed_request": lambda call: call(query_string="a=%00"),
    "core.cursor_invalid": lambda call: call(query_string="cursor=forged"),
    "core.unauthenticated": lambda call: call(headers={"Authorization": None}),
    "core.forbidden": lambda call: call(headers=dict(call.stranger.headers)),
    "core.not_found": lambda call: call(value="x"),
    "core.idempotency_key_missing": lambda call: call(headers={"Idempotency-Key": None}),
    "core.idempotency_key_in_use": in_use,
    "core.idempotency_key_reused": reused,
    "core.body_too_large": lambda call: call(data=b" " * 1_048_577, content_type="application/json"),
    "core.address_too_long": unread(AddressTooLong()),
    "core.unsupported_media_type": lambda call: call(data=b"x", content_type="text/plain"),
    "core.invalid": lambda call: call(query_string="undeclared=1"),
    "core.value_out_of_range": too_big,
    "core.too_many_requests": too_many,
    "core.headers_too_large": unread(HeadersTooLarge()),
    "core.internal": failing(RuntimeError("canary")),
    "core.database_unavailable": failing(GONE),
}


def test_every_declared_code_can_be_provoked(
    sample: ConformingClient, document: Document, guarded_app: Flask, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On every route of the sample, which has every shape: public or not, with a path, a query, a body, a key or nothing."""
    me, stranger = sign_in(), sign_in(roles=())
    shapes = [one for one in document.operations if one[1].startswith("/api/v1/sample/")]
    assert len(shapes) == 10
    missed = []
    for method, path, said in shapes:
        for code in sorted(code for code in document.codes_of(said) if code.startswith("core.")):
            answer = PROVOKE[code](Call(sample, method, path, said, me, stranger, monkeypatch))
            got = answer.get_json()["code"] if answer.status_code >= 400 else answer.status_code
            missed += [f"{said['operationId']}: {code}: {got}"] if got != code else []
    assert missed == []


def test_every_shape_of_the_built_in_routes_is_one_of_these(document: Document) -> None:
    """What a built-in operation declares, one of the sample's does too, so that the proof above holds for it."""
    proven = {code for _, path, said in document.operations if path.startswith("/api/v1/sample/") for code in document.codes_of(said)}
    built_in = {code for _, path, said in document.operations if not path.startswith("/api/v1/sample/") for code in document.codes_of(said)}
    assert {code for code in built_in if code.startswith("core.")} <= proven
