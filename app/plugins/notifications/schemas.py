"""Notifications on the wire."""

from __future__ import annotations

from playhall import Schema, fields


class Notification(Schema):
    id = fields.UUID(required=True)
    category = fields.String(required=True)
    title = fields.String(required=True)
    body = fields.String(required=True)
    read_at = fields.Timestamp(required=True, allow_none=True)
    created_at = fields.Timestamp(required=True)
