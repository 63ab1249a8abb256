"""The economy's part of the demo data."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from app.economy.models import Item
from playhall import session

ITEMS = (
    ("wooden-sword", "weapon", "N", "나무 검", "Wooden sword"),
    ("healing-herb", "consumable", "N", "치유의 약초", "Healing herb"),
    ("iron-shield", "armour", "R", "철 방패", "Iron shield"),
    ("fox-familiar", "companion", "SR", "여우 정령", "Fox familiar"),
    ("dawn-dragon", "companion", "SSR", "새벽의 용", "Dawn dragon"),
)


def load() -> None:
    """Add the items that are not there yet."""
    rows = [{"key": key, "kind": kind, "tier": tier, "name": {"ko": ko, "en": en}} for key, kind, tier, ko, en in ITEMS]
    session().execute(insert(Item).on_conflict_do_nothing(), rows)
