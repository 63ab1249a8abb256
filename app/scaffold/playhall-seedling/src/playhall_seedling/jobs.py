"""What happens after a ticket was taken."""

from __future__ import annotations

from uuid import UUID

from playhall_seedling import service


def print_ticket(account_id: UUID, ticket_id: UUID) -> None:
    """Print it. Runs in the transaction that marks the job done; its arguments are the event's fields."""
    service.print_ticket(account_id, ticket_id)
