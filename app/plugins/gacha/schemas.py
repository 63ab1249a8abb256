"""Gacha on the wire."""

from __future__ import annotations

from playhall import Schema, fields


class Banner(Schema):
    id = fields.UUID(required=True)
    key = fields.String(required=True)
    name = fields.Dict(keys=fields.String(), values=fields.String(), required=True, metadata={"description": "By locale."})
    opens_at = fields.Timestamp(required=True)
    closes_at = fields.Timestamp(required=True, allow_none=True)
