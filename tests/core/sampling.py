"""A sample plugin's routes: every kind of input, and every way to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from conforming import ConformingClient, Document
from flask import Flask, Response
from guarding import SignIn, sign_in
from sqlalchemy import select, text

from app import create_app
from app.core.db import db, session, uuid7
from app.core.errors import DomainError, NotFound
from app.core.http import Blueprint
from app.core.models import AuditEntry
from app.core.operation import operation
from app.core.pages import PageQuery, page, page_of
from app.core.plugin import Permission
from app.core.schemas import Amount, Money, Schema
from app.core.web.json import loads
from app.core.web.openapi import text as document_text
from playhall import fields

ORIGIN = "https://play.example"
THINGS = "/api/v1/sample/things"


class SoldOut(DomainError):
    """Come back tomorrow."""

    code, status, title = "sample.sold_out", 409, "Sold out"


class ThingSchema(Schema):
    """What is kept."""

    id = fields.UUID(required=True)
    action = fields.String(required=True)
    created_at = fields.Timestamp(required=True)


class Order(Schema):
    """Every kind of field."""

    count = fields.Integer(required=True, minimum=1)
    name = fields.String(longest=20)
    gift = fields.Boolean()
    thing = fields.UUID(allow_none=True)
    until = fields.Timestamp()
    price = fields.Nested(Amount)
    paid = fields.Nested(Money)
    tags = fields.List(fields.String(longest=10))
    extra = fields.Dict(keys=fields.String(), values=fields.Integer())


class Filter(PageQuery):
    """What a list can be narrowed to."""

    action = fields.String()
    tag = fields.List(fields.String())
    gift = fields.Boolean()
    oldest_first = fields.Boolean(load_default=False)
    below = fields.Integer()


def as_four_bytes(number: int) -> None:
    """Hand PostgreSQL a number that its column may be too small for."""
    session().execute(text("SELECT CAST(:number AS int4)"), {"number": str(number)})


def sample_blueprint() -> Blueprint:
    """A fresh blueprint: each application gets its own."""
    blueprint = Blueprint("sample", __name__, description="Samples.")

    @blueprint.get("/things")
    @operation(public=True, limit="sample.read")
    @blueprint.arguments(Filter, location="query")
    @blueprint.response(200, page_of(ThingSchema))
    def list_things(query: dict[str, Any]) -> dict[str, Any]:
        """List things."""
        wanted = select(AuditEntry)
        if "below" in query:
            as_four_bytes(query["below"])
        if "action" in query:
            wanted = wanted.where(AuditEntry.action == query["action"])
        return page(wanted, key=(AuditEntry.created_at, AuditEntry.id), query=query, newest_first=not query["oldest_first"])

    @blueprint.get("/things/<uuid:thing>")
    @operation(errors=[NotFound])
    @blueprint.response(200, ThingSchema)
    def show_thing(thing: UUID) -> AuditEntry:
        """Show a thing."""
        found = session().get(AuditEntry, thing)
        if found is None:
            raise NotFound("There is no such thing.")
        return found

    @blueprint.post("/things")
    @operation(permission="sample:order", idempotent=True, errors=[SoldOut])
    @blueprint.arguments(Order)
    @blueprint.response(201, Order)
    def order_thing(body: dict[str, Any]) -> dict[str, Any]:
        """Order a thing.

        It is sold out when more than a hundred are asked for.
        """
        if body["count"] > 100:
            raise SoldOut(left=100)
        as_four_bytes(body.get("extra", {}).get("stock", 0))
        session().add(AuditEntry(id=uuid7(), action=body.get("name", "ordered"), object="thing", after={"count": body["count"]}))
        return body

    @blueprint.put("/things/<uuid:thing>")
    @operation()
    @blueprint.arguments(Order)
    @blueprint.response(204)
    def change_thing(body: dict[str, Any], thing: UUID) -> None:
        """Change a thing."""
        as_four_bytes(body["count"])

    @blueprint.delete("/things/<uuid:thing>")
    @operation()
    @blueprint.response(204)
    def drop_thing(thing: UUID) -> None:
        """Drop a thing."""

    @blueprint.post("/things/<uuid:thing>/copies")
    @operation(idempotent=True)
    @blueprint.response(204)
    def copy_thing(thing: UUID) -> None:
        """Copy a thing."""

    _add_failures(blueprint)
    return blueprint


def _add_failures(blueprint: Blueprint) -> None:
    @blueprint.get("/numbers/<int:number>")
    @operation(public=True, limit="sample.read")
    @blueprint.response(200, ThingSchema)
    def show_number(number: int) -> dict[str, Any]:
        """Fail on what a column of four bytes cannot hold."""
        as_four_bytes(number)
        raise NotFound

    @blueprint.get("/broken")
    @operation(public=True, limit="sample.read")
    @blueprint.response(204)
    def broken() -> None:
        """Break."""
        raise RuntimeError("canary: /etc/internals SELECT secret")

    @blueprint.get("/divided")
    @operation(public=True, limit="sample.read")
    @blueprint.response(204)
    def divided() -> None:
        """Make the database fail through our own fault."""
        session().execute(text("SELECT 1 / 0"))

    @blueprint.get("/stream")
    @operation(public=True, limit="sample.read")
    @blueprint.response(200, {"type": "string"}, content_type="text/event-stream")
    def stream() -> Response:
        """Stream."""
        return Response((f"data: {number}\n\n" for number in range(3)), mimetype="text/event-stream")


def api_of(app: Flask) -> Any:
    """The application's Api."""
    return app.extensions["flask-smorest"]["apis"][""]["ext_obj"]


@pytest.fixture(scope="module")
def guarded_app(migrated_app: Flask) -> Iterator[Flask]:
    """The application with the sample routes, in the OpenAPI document too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAYHALL_CORS_ORIGINS", ORIGIN)
        patch.setenv("PLAYHALL_HOSTS", "localhost")
        app = create_app()
    playhall = app.extensions["playhall"]
    order = Permission(name="sample:order", description="Order", roles=("player",))
    playhall.permissions = {**playhall.permissions, order.name: order}
    playhall.limits = {**playhall.limits, "sample.read": "10000/minute", "core.default": "10000/minute"}
    api_of(app).register_blueprint(sample_blueprint(), url_prefix="/api/v1/sample")
    app.test_client_class = ConformingClient
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def document(guarded_app: Flask) -> Document:
    """Its document."""
    with guarded_app.app_context():
        return Document(loads(document_text()))


@pytest.fixture
def sample(app: Flask, guarded_app: Flask, document: Document) -> ConformingClient:
    """A client whose every answer is held against the document; it comes from a page elsewhere and is not signed in."""
    client = guarded_app.test_client()
    assert isinstance(client, ConformingClient)
    client.document, client.origin = document, ORIGIN
    return client


@pytest.fixture
def order(sample: ConformingClient, sign_in: SignIn) -> Callable[..., Any]:
    """Send a body as a signed-in account with a new key: `order(json=...)`, `order(data=b"...")`."""
    headers = sign_in().headers

    def send(**options: Any) -> Any:
        if "data" in options:
            options.setdefault("content_type", "application/json")
        options["headers"] = {**headers, "Idempotency-Key": str(uuid7()), **options.get("headers", {})}
        return sample.post(THINGS, **options)

    return send


__all__ = ["document", "guarded_app", "order", "sample", "sign_in"]
