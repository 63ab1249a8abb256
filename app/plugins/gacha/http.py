"""Gacha over HTTP."""

from __future__ import annotations

from typing import Any

from app.plugins.gacha import schemas, service
from app.plugins.gacha.models import Banner
from playhall import Blueprint, PageQuery, operation, page, page_of

blueprint = Blueprint("gacha", __name__, description="What can be pulled from.")


@blueprint.get("/banners")
@operation(public=True, limit="gacha.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.Banner))
def banners(query: dict[str, Any]) -> dict[str, Any]:
    """List the banners that are open now."""
    return page(service.banners(), key=(Banner.id,), query=query)
