"""Auth on the wire."""

from __future__ import annotations

from playhall import Schema, fields


class Session(Schema):
    id = fields.UUID(required=True)
    created_at = fields.Timestamp(required=True)
