"""Three routes: reads nothing, reads a row, writes three."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from bench.plugin.api import ThingMade
from playhall import Blueprint, NotFound, Schema, Statement, current_account, fields, operation, publish, uuid7

# As a hot path is written: past SQLAlchemy.
_FIND = Statement("SELECT id, note, amount FROM bench_thing WHERE account_id = $1 AND id = $2")
_MAKE = Statement("INSERT INTO bench_thing (account_id, id, note, amount) VALUES ($1, $2, $3, $4)")

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
    for found, note, amount in _FIND.rows(current_account(), thing):
        return {"id": found, "note": note, "amount": amount}
    raise NotFound


@blueprint.post("/things")
@operation(permission="bench:make", idempotent=True)
@blueprint.arguments(NewThing)
@blueprint.response(201, OneThing)
def make_thing(body: dict[str, Any]) -> dict[str, Any]:
    """Write a thing and its event; the core adds the key."""
    account, thing = current_account(), uuid7()
    _MAKE.send(account, thing, body["note"], body["amount"])
    publish(ThingMade(account_id=account, thing_id=thing, amount=body["amount"]))
    return {"id": thing, **body}
