"""The shop over HTTP."""

from __future__ import annotations

from typing import Any

from app.plugins.shop import schemas, service
from app.plugins.shop.models import Product
from playhall import Blueprint, PageQuery, operation, page, page_of

blueprint = Blueprint("shop", __name__, description="What can be bought.")


@blueprint.get("/products")
@operation(public=True, limit="shop.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.Product))
def products(query: dict[str, Any]) -> dict[str, Any]:
    """List what is on sale."""
    return page(service.products(), key=(Product.id,), query=query, newest_first=False)
