"""Reading what can be owned."""

from __future__ import annotations

from sqlalchemy import Select, select

from app.economy.models import Item


def items() -> Select[Item]:
    """Every item definition."""
    return select(Item)
