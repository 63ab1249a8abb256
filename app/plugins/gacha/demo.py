"""Gacha's part of the demo data."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert

from app.plugins.gacha.models import Banner
from playhall import session

BANNERS = (
    ("standard", "상시 소환", "Standard summon"),
    ("dawn-dragon", "새벽의 용 확률 상승", "Dawn dragon rate-up"),
)
OPENED = datetime(2026, 1, 1, tzinfo=UTC)


def load() -> None:
    """Add the banners that are not there yet."""
    rows = [{"key": key, "name": {"ko": ko, "en": en}, "opens_at": OPENED} for key, ko, en in BANNERS]
    session().execute(insert(Banner).on_conflict_do_nothing(), rows)
