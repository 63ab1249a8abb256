"""Reading the catalogue."""

from __future__ import annotations

from sqlalchemy import Select, select

from app.plugins.shop.models import Product


def products() -> Select[Product]:
    """The products that are on sale."""
    return select(Product).where(Product.active)
