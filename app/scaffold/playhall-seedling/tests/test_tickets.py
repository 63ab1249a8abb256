"""Taking tickets, seeing them, and having them printed."""

from __future__ import annotations

from playhall.testing import AsAccount, Events, Jobs, OverrideSettings

from playhall_seedling.api import TicketTaken
from playhall_seedling.settings import SeedlingSettings

TICKETS = "/api/v1/seedling/tickets"
RIDE = {"ride": "carousel"}


def test_a_ticket_is_taken(as_account: AsAccount, events: Events) -> None:
    """It is for the ride that was asked for, and the event tells of it."""
    player = as_account()
    answer = player.post(TICKETS, json=RIDE)
    assert (answer.status_code, answer.json["ride"], answer.json["printed_at"]) == (201, "carousel", None)
    assert [(event.account_id, str(event.ticket_id)) for event in events(TicketTaken)] == [(player.id, answer.json["id"])]


def test_a_request_that_is_repeated_takes_one(as_account: AsAccount) -> None:
    """The first answer comes again."""
    player = as_account()
    first, second = (player.post(TICKETS, json=RIDE, key="one") for _ in range(2))
    assert first.json == second.json
    assert len(player.get(TICKETS).json["items"]) == 1


def test_a_day_has_so_many_tickets(as_account: AsAccount, settings: OverrideSettings) -> None:
    """The next one is refused, and somebody else's day is another."""
    settings(SeedlingSettings, tickets_per_day=1)
    player = as_account()
    assert player.post(TICKETS, json=RIDE).status_code == 201
    assert player.post(TICKETS, json=RIDE).problem["code"] == "seedling.no_ticket_left"
    assert as_account().post(TICKETS, json=RIDE).status_code == 201


def test_a_ticket_is_printed_afterwards(as_account: AsAccount, jobs: Jobs) -> None:
    """By the job that the event starts."""
    player = as_account()
    player.post(TICKETS, json=RIDE)
    assert jobs.run() == ["seedling.print_ticket"]
    assert [bool(ticket["printed_at"]) for ticket in player.get(TICKETS).json["items"]] == [True]


def test_tickets_are_one_s_own(as_account: AsAccount) -> None:
    """Newest first, and nobody else's."""
    player = as_account()
    for ride in ("carousel", "ferris wheel"):
        player.post(TICKETS, json={"ride": ride})
    as_account().post(TICKETS, json=RIDE)
    assert [ticket["ride"] for ticket in player.get(TICKETS).json["items"]] == ["ferris wheel", "carousel"]
