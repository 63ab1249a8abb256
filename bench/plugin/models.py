"""The one table."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from playhall import Base, Kind, uuid7


class Thing(Base):
    """Something that an account owns."""

    __tablename__ = "bench_thing"
    __kind__ = Kind.OWNED

    account_id: Mapped[UUID] = mapped_column(ForeignKey("core_account.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    note: Mapped[str] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(BigInteger)
