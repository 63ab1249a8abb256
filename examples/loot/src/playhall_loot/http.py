"""Loot over HTTP."""

from __future__ import annotations

from typing import Any

from playhall import Blueprint, PageQuery, current_account, operation, page, page_of, settings
from playhall_loot import models, schemas, service
from playhall_loot.api import NoChestLeft
from playhall_loot.settings import LootSettings

blueprint = Blueprint("loot", __name__, description="A daily chest for every account.")


@blueprint.post("/chests")
@operation(permission="loot:open", limit="loot.open", idempotent=True, errors=[NoChestLeft])
@blueprint.response(201, schemas.Chest)
def open_chest() -> models.Chest:
    """Open a chest and see what is in it."""
    return service.open_chest(current_account(), settings(LootSettings).chests_per_day)


@blueprint.get("/chests")
@operation(permission="loot:open", limit="loot.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.Chest))
def chests(query: dict[str, Any]) -> dict[str, Any]:
    """List one's own chests, newest first."""
    return page(service.chests(current_account()), key=(models.Chest.id,), query=query)


@blueprint.get("/tallies")
@operation(public=True, limit="loot.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.Tally))
def tallies(query: dict[str, Any]) -> dict[str, Any]:
    """List how often each thing was found by anybody."""
    return page(service.tallies(), key=(models.Tally.found,), query=query, newest_first=False)
