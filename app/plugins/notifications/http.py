"""The inbox over HTTP."""

from __future__ import annotations

from typing import Any

from app.plugins.notifications import schemas, service
from app.plugins.notifications.models import Notification
from playhall import Blueprint, PageQuery, current_account, operation, page, page_of

blueprint = Blueprint("notifications", __name__, description="An account's inbox.")


@blueprint.get("/")
@operation(permission="notifications:read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.Notification))
def inbox(query: dict[str, Any]) -> dict[str, Any]:
    """List one's own messages, newest first."""
    return page(service.inbox(current_account()), key=(Notification.id,), query=query)
