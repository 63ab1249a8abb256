"""The shop over HTTP."""

from __future__ import annotations

from typing import Any

from app.plugins.shop import schemas, service
from app.plugins.shop.models import Product
from playhall import Blueprint, Page, operation, paged

blueprint = Blueprint("shop", __name__, description="What can be bought.")


@blueprint.get("/products")
@operation(public=True, limit="shop.read")
@paged(blueprint, schemas.Product)
def products(page: Page) -> Any:
    """List what is on sale."""
    return page.of(service.products(), key=(Product.id,))
