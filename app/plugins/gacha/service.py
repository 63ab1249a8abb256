"""Reading the banners."""

from __future__ import annotations

from sqlalchemy import Select, func, or_, select

from app.plugins.gacha.models import Banner


def banners() -> Select[Banner]:
    """The banners that are open now."""
    return select(Banner).where(Banner.opens_at <= func.now(), or_(Banner.closes_at.is_(None), Banner.closes_at > func.now()))
