"""Three routes: reads nothing, reads a row, writes three."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from bench.plugin.api import ThingMade
from bench.plugin.models import Thing
from playhall import Base, Blueprint, NotFound, Schema, current_account, fields, operation, publish, session, uuid7

# Made once and past the ORM, as a hot path is.
_MAKE = insert(Base.metadata.tables[Thing.__tablename__])

blueprint = Blueprint("bench", __name__, description="What is measured.")


class Me(Schema):
    """Who asks."""

    account = fields.UUID(required=True)


class NewThing(Schema):
    """What is sent to make a thing."""

    note = fields.String(required=True, longest=100)
    amount = fields.Integer(required=True, minimum=1)


class OneThing(NewThing):
    """A thing."""

    id = fields.UUID(required=True)


@blueprint.get("/me")
@operation()
@blueprint.response(200, Me)
def me() -> dict[str, Any]:
    """Read nothing."""
    return {"account": current_account()}


@blueprint.get("/things/<uuid:thing>")
@operation(errors=[NotFound])
@blueprint.response(200, OneThing)
def one_thing(thing: UUID) -> dict[str, Any]:
    """Read a row."""
    wanted = select(Thing.id, Thing.note, Thing.amount).where(Thing.account_id == current_account(), Thing.id == thing)
    if found := session().execute(wanted).one_or_none():
        return dict(found._mapping)
    raise NotFound


@blueprint.post("/things")
@operation(permission="bench:make", idempotent=True)
@blueprint.arguments(NewThing)
@blueprint.response(201, OneThing)
def make_thing(body: dict[str, Any]) -> dict[str, Any]:
    """Write a thing and its event; the core adds the key."""
    account, thing = current_account(), uuid7()
    session().execute(_MAKE, {"account_id": account, "id": thing, **body})
    publish(ThingMade(account_id=account, thing_id=thing, amount=body["amount"]))
    return {"id": thing, **body}
