"""Loot's settings, prefix PLAYHALL_LOOT_."""

from __future__ import annotations

from dataclasses import dataclass

from playhall import setting


@dataclass(frozen=True, kw_only=True)
class LootSettings:
    """How generous the game is."""

    chests_per_day: int = setting(3, doc="How many chests an account may open in a day, UTC.")
