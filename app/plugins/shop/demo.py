"""The shop's part of the demo data."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from app.plugins.shop.models import Product
from playhall import session

PRODUCTS = (
    ("starter-pack", "모험가 시작 꾸러미", "Adventurer's starter pack"),
    ("gem-pouch", "보석 주머니", "Pouch of gems"),
    ("premium-30", "프리미엄 30일", "Thirty days of premium"),
)


def load() -> None:
    """Add the products that are not there yet."""
    rows = [{"key": key, "name": {"ko": ko, "en": en}} for key, ko, en in PRODUCTS]
    session().execute(insert(Product).on_conflict_do_nothing(), rows)
