"""The economy on the wire."""

from __future__ import annotations

from playhall import Schema, fields


class Item(Schema):
    key = fields.String(required=True)
    name = fields.Dict(keys=fields.String(), values=fields.String(), required=True, metadata={"description": "By locale."})
    kind = fields.String(required=True)
    tier = fields.String(required=True, metadata={"enum": ["N", "R", "SR", "SSR"]})
    stackable = fields.Boolean(required=True)
