"""What happens after a chest was opened."""

from __future__ import annotations

from playhall_loot import service


def tally(found: str) -> None:
    """Count what was found. Runs in the transaction that marks the job done, so each chest counts once."""
    service.count(found)
