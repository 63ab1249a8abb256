"""What others may know of the probe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from app.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Event):
    """Something was seen."""

    name: ClassVar[str] = "probe.seen.v1"

    account_id: UUID
    at: datetime
    counts: tuple[int, ...] = ()
    tags: dict[str, str | None] | None = None
