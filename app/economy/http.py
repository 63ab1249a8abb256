"""The economy over HTTP."""

from __future__ import annotations

from typing import Any

from app.economy import schemas, service
from app.economy.models import Item
from playhall import Blueprint, PageQuery, operation, page, page_of

blueprint = Blueprint("economy", __name__, description="Items that an account can own.")


@blueprint.get("/items")
@operation(public=True, limit="economy.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.Item))
def items(query: dict[str, Any]) -> dict[str, Any]:
    """List what can be owned."""
    return page(service.items(), key=(Item.key,), query=query, newest_first=False)
