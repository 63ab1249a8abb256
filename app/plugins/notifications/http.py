"""The inbox over HTTP."""

from __future__ import annotations

from typing import Any

from app.plugins.notifications import schemas, service
from app.plugins.notifications.models import Notification
from playhall import Blueprint, Page, current_account, operation, paged

blueprint = Blueprint("notifications", __name__, description="An account's inbox.")


@blueprint.get("/")
@operation(permission="notifications:read")
@paged(blueprint, schemas.Notification)
def inbox(page: Page) -> Any:
    """List one's own messages, newest first."""
    return page.of(service.inbox(current_account()), key=(Notification.id.desc(),))
