"""Loot on the wire."""

from __future__ import annotations

from playhall import Schema, fields


class Chest(Schema):
    id = fields.UUID(required=True)
    found = fields.String(required=True)
    opened_at = fields.Timestamp(required=True)


class Tally(Schema):
    found = fields.String(required=True)
    times = fields.Integer(required=True)
