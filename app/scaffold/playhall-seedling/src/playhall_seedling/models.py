"""Seedling's table."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from playhall import Base, Kind, Timestamp, uuid7
from sqlalchemy import ForeignKey, Text, func
from sqlalchemy.orm import Mapped, mapped_column


class Ticket(Base):
    """A ticket that an account took."""

    __tablename__ = "seedling_ticket"
    __kind__ = Kind.OWNED

    account_id: Mapped[UUID] = mapped_column(ForeignKey("core_account.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    ride: Mapped[str] = mapped_column(Text)
    taken_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    printed_at: Mapped[datetime | None] = mapped_column(Timestamp)
