"""What others may know of loot: its event and its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from playhall import DomainError, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ChestOpened(Event):
    """An account opened a chest and found something in it."""

    name: ClassVar[str] = "loot.chest_opened.v1"

    account_id: UUID
    chest_id: UUID
    found: str


class NoChestLeft(DomainError):
    """Come back tomorrow, UTC; PLAYHALL_LOOT_CHESTS_PER_DAY is the limit."""

    code, status, title = "loot.no_chest_left", 409, "There is no chest left today"
