"""The economy over HTTP."""

from __future__ import annotations

from typing import Any

from app.economy import schemas, service
from app.economy.models import Item
from playhall import Blueprint, Page, operation, paged

blueprint = Blueprint("economy", __name__, description="Items that an account can own.")


@blueprint.get("/items")
@operation(public=True, limit="economy.read")
@paged(blueprint, schemas.Item)
def items(page: Page) -> Any:
    """List what can be owned."""
    return page.of(service.items(), key=(Item.key,))
