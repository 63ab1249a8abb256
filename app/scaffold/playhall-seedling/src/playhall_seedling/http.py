"""Seedling over HTTP."""

from __future__ import annotations

from typing import Any

from playhall import Blueprint, PageQuery, current_account, operation, page, page_of, settings

from playhall_seedling import api, models, schemas, service
from playhall_seedling.settings import SeedlingSettings

blueprint = Blueprint("seedling", __name__, description="Tickets for every account.")


@blueprint.post("/tickets")
@operation(
    permission="seedling:take",
    limit="seedling.take",
    idempotent=True,
    errors=[api.NoTicketLeft],
)
@blueprint.arguments(schemas.TicketRequest)
@blueprint.response(201, schemas.Ticket)
def take_ticket(body: dict[str, Any]) -> models.Ticket:
    """Take a ticket for a ride."""
    return service.take_ticket(current_account(), body["ride"], settings(SeedlingSettings).tickets_per_day)


@blueprint.get("/tickets")
@operation(permission="seedling:take", limit="seedling.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.Ticket))
def tickets(query: dict[str, Any]) -> dict[str, Any]:
    """List one's own tickets, newest first."""
    return page(service.tickets(current_account()), key=(models.Ticket.id,), query=query)
