"""What others may know of seedling: its event and its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from playhall import DomainError, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketTaken(Event):
    """An account took a ticket."""

    name: ClassVar[str] = "seedling.ticket_taken.v1"

    account_id: UUID
    ticket_id: UUID


class NoTicketLeft(DomainError):
    """Come back tomorrow, UTC."""

    code, status, title = "seedling.no_ticket_left", 409, "There is no ticket left today"
