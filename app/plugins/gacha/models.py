"""What can be pulled from."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from playhall import Base, Kind, Timestamp, uuid7


class Banner(Base):
    """Something to pull from, inside its window."""

    __tablename__ = "gacha_banner"
    __kind__ = Kind.SHARED
    __table_args__ = (UniqueConstraint("key"), CheckConstraint("closes_at IS NULL OR closes_at > opens_at", "window"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    key: Mapped[str] = mapped_column(Text)
    name: Mapped[dict[str, str]] = mapped_column(JSONB)  # by locale
    opens_at: Mapped[datetime] = mapped_column(Timestamp)
    closes_at: Mapped[datetime | None] = mapped_column(Timestamp)
