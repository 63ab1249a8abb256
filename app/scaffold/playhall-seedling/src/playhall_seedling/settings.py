"""Seedling's settings, prefix PLAYHALL_SEEDLING_."""

from __future__ import annotations

from dataclasses import dataclass

from playhall import setting


@dataclass(frozen=True, kw_only=True)
class SeedlingSettings:
    """How generous the game is."""

    tickets_per_day: int = setting(3, doc="How many tickets an account may take in a day, UTC.")
