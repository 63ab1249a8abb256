"""Where somebody is signed in."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, func, text
from sqlalchemy.orm import Mapped, mapped_column

from playhall import Base, Kind, Timestamp, uuid7


class AuthSession(Base):
    """A place where an account signed in. It lives until it is revoked."""

    __tablename__ = "auth_session"
    __kind__ = Kind.OWNED

    account_id: Mapped[UUID] = mapped_column(ForeignKey("core_account.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))  # greater after every change
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(Timestamp)
