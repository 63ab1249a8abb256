"""What can be owned."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from playhall import Base, Kind


class Item(Base):
    """A thing an account can own, defined by data."""

    __tablename__ = "economy_item"
    __kind__ = Kind.SHARED
    __table_args__ = (CheckConstraint("tier IN ('N', 'R', 'SR', 'SSR')", "tier"),)

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[dict[str, str]] = mapped_column(JSONB)  # by locale
    kind: Mapped[str] = mapped_column(Text)
    tier: Mapped[str] = mapped_column(Text)
    stackable: Mapped[bool] = mapped_column(server_default=text("true"))
