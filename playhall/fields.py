"""Fields of a schema: ours, which accept exactly what the OpenAPI document says, and marshmallow's for structure."""

from marshmallow.fields import Constant, Dict, Enum, List, Nested

from app.core.schemas import UUID, Boolean, Integer, String, Timestamp

__all__ = ["UUID", "Boolean", "Constant", "Dict", "Enum", "Integer", "List", "Nested", "String", "Timestamp"]
