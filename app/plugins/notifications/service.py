"""Reading the inbox."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, select

from app.plugins.notifications.models import Notification


def inbox(account: UUID) -> Select[Notification]:
    """An account's own messages."""
    return select(Notification).where(Notification.account_id == account)
