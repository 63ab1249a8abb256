"""Chests, and how often each thing was found."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from playhall import Base, Kind, Timestamp, uuid7


class Chest(Base):
    """A chest that an account opened."""

    __tablename__ = "loot_chest"
    __kind__ = Kind.OWNED

    account_id: Mapped[UUID] = mapped_column(ForeignKey("core_account.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    found: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())


class Tally(Base):
    """How often a thing was found, by anybody."""

    __tablename__ = "loot_tally"
    __kind__ = Kind.SHARED

    found: Mapped[str] = mapped_column(Text, primary_key=True)
    times: Mapped[int] = mapped_column(BigInteger)
