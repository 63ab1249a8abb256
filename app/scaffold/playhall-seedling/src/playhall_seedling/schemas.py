"""Seedling on the wire."""

from __future__ import annotations

from playhall import Schema, fields


class TicketRequest(Schema):
    ride = fields.String(required=True, shortest=1, longest=80, metadata={"example": "ferris wheel"})


class Ticket(Schema):
    id = fields.UUID(required=True)
    ride = fields.String(required=True)
    taken_at = fields.Timestamp(required=True)
    printed_at = fields.Timestamp(required=True, allow_none=True, metadata={"description": "Null until it is printed."})
