"""What others may know of it: the event that is published with each thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from playhall import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingMade(Event):
    """An account made a thing."""

    name: ClassVar[str] = "bench.thing_made.v1"

    account_id: UUID
    thing_id: UUID
    amount: int
