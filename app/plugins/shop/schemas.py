"""The shop on the wire."""

from __future__ import annotations

from playhall import Schema, fields


class Product(Schema):
    id = fields.UUID(required=True)
    key = fields.String(required=True)
    name = fields.Dict(keys=fields.String(), values=fields.String(), required=True, metadata={"description": "By locale."})
