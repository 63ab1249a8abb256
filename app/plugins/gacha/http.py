"""Gacha over HTTP."""

from __future__ import annotations

from typing import Any

from app.plugins.gacha import schemas, service
from app.plugins.gacha.models import Banner
from playhall import Blueprint, Page, operation, paged

blueprint = Blueprint("gacha", __name__, description="What can be pulled from.")


@blueprint.get("/banners")
@operation(public=True, limit="gacha.read")
@paged(blueprint, schemas.Banner)
def banners(page: Page) -> Any:
    """List the banners that are open now."""
    return page.of(service.banners(), key=(Banner.id,))
