"""What the shop sells."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from playhall import Base, Kind, uuid7


class Product(Base):
    """Something that can be bought while it is active."""

    __tablename__ = "shop_product"
    __kind__ = Kind.SHARED
    __table_args__ = (UniqueConstraint("key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    key: Mapped[str] = mapped_column(Text)
    name: Mapped[dict[str, str]] = mapped_column(JSONB)  # by locale
    active: Mapped[bool] = mapped_column(server_default=text("true"))
