"""The rules of seedling: what they need, they are given; they never commit."""

from __future__ import annotations

from uuid import UUID

from playhall import publish, session, uuid7
from sqlalchemy import Select, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from playhall_seedling import api
from playhall_seedling.models import Ticket


def take_ticket(account: UUID, ride: str, per_day: int) -> Ticket:
    """Take one of today's tickets, or raise NoTicketLeft and change nothing."""
    one_at_a_time(account)
    today = Ticket.taken_at >= text("date_trunc('day', now(), 'UTC')")
    if session().scalars(select(func.count()).where(Ticket.account_id == account, today)).one() >= per_day:
        raise api.NoTicketLeft(f"All {per_day} tickets of today are taken; come back tomorrow, UTC")
    values = {"account_id": account, "id": uuid7(), "ride": ride}
    ticket = session().scalars(insert(Ticket).values(values).returning(Ticket)).one()
    publish(api.TicketTaken(account_id=account, ticket_id=ticket.id))
    return ticket


def tickets(account: UUID) -> Select[Ticket]:
    """An account's own tickets."""
    return select(Ticket).where(Ticket.account_id == account)


def print_ticket(account: UUID, ticket: UUID) -> None:
    """Print a ticket that is not printed yet; a second time changes nothing."""
    unprinted = (Ticket.account_id == account, Ticket.id == ticket, Ticket.printed_at.is_(None))
    session().execute(update(Ticket).where(*unprinted).values(printed_at=func.now()))


def one_at_a_time(account: UUID) -> None:
    """Make this account's other requests wait until this one is committed; else two would count the same tickets."""
    session().execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"seedling:{account}", 0))))
