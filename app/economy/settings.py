"""The economy's settings, prefix PLAYHALL_ECONOMY_."""

from __future__ import annotations

from dataclasses import dataclass

from playhall import setting


@dataclass(frozen=True, kw_only=True)
class EconomySettings:
    """What the economy deals in."""

    currencies: tuple[str, ...] = setting(("coin", "gem"), doc="The currencies that wallets hold.")
