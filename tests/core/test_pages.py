"""Lists in pages: whole, in order, one statement each, and a cursor that cannot be made up or carried elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conforming import ConformingClient
from flask import Flask
from itsdangerous import URLSafeSerializer
from sampling import THINGS, document, guarded_app, sample, sign_in
from sqlalchemy import event

from app.core.db import db, session, transaction, uuid7
from app.core.models import AuditEntry
from app.core.pages import _signer
from app.core.state import Playhall

__all__ = ["document", "guarded_app", "sample", "sign_in"]

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

MakeThings = Callable[..., list[str]]


@pytest.fixture
def make_things(guarded_app: Flask) -> MakeThings:
    """Make things, oldest first: `make_things(3, action="a", at=...)`. Each three are of one moment, so that the id must decide."""

    def make(count: int, *, action: str = "thing", at: datetime = LONG_AGO) -> list[str]:
        rows = [
            AuditEntry(id=uuid7(), action=action, object="x", created_at=at + timedelta(seconds=number // 3)) for number in range(count)
        ]
        made = [str(row.id) for row in rows]
        with guarded_app.app_context():
            transaction(lambda: session().add_all(rows))
        return made

    return make


def ids(answer: Any) -> list[str]:
    """What a page holds."""
    return [item["id"] for item in answer.json["items"]]


def walk(sample: ConformingClient, query: str) -> Iterator[list[str]]:
    """The pages of a list, until there is no cursor."""
    cursor = ""
    while cursor is not None:
        answer = sample.get(f"{THINGS}?{query}{f'&cursor={cursor}' if cursor else ''}")
        assert answer.status_code == 200
        yield ids(answer)
        cursor = answer.json["next_cursor"]  # type: ignore[index]


def test_an_empty_list_is_one_empty_page(sample: ConformingClient) -> None:
    """Without a cursor."""
    assert sample.get(THINGS).json == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10, 11, 200])
def test_pages_together_are_the_list(sample: ConformingClient, make_things: MakeThings, limit: int) -> None:
    """Newest first, each item once, whatever the size of a page; none is empty but the last of an empty list."""
    made = make_things(10)
    pages = list(walk(sample, f"limit={limit}"))
    assert [one for found in pages for one in found] == made[::-1]
    assert all(len(found) == limit for found in pages[:-1])
    assert pages[-1]


def test_the_other_way_round(sample: ConformingClient, make_things: MakeThings) -> None:
    """Oldest first is the same list backwards."""
    made = make_things(10)
    assert [one for found in walk(sample, "limit=3&oldest_first=true") for one in found] == made


def test_fifty_unless_told(sample: ConformingClient, make_things: MakeThings) -> None:
    """The default limit."""
    make_things(51)
    assert len(ids(sample.get(THINGS))) == 50


def test_an_insert_between_two_pages_moves_nothing(sample: ConformingClient, make_things: MakeThings) -> None:
    """No item comes twice and none is left out; with numbered pages both would happen."""
    made = make_things(6)
    pages = walk(sample, "limit=2")
    found = next(pages)
    make_things(3, at=LONG_AGO + timedelta(days=1))
    make_things(1, at=LONG_AGO - timedelta(days=1))
    rest = [one for more in pages for one in more]
    assert (found + rest)[:6] == made[::-1]
    assert len(found + rest) == 7


def test_a_filter_holds_over_all_pages(sample: ConformingClient, make_things: MakeThings) -> None:
    """The cursor carries it on."""
    wanted = make_things(5, action="wanted")
    make_things(5, action="other")
    assert [one for found in walk(sample, "limit=2&action=wanted") for one in found] == wanted[::-1]


def test_a_page_is_one_statement(sample: ConformingClient, make_things: MakeThings, guarded_app: Flask) -> None:
    """However many items it has, and with a cursor as without."""
    make_things(9)
    seen: list[str] = []
    with guarded_app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", listener := lambda *args: seen.append(args[2]))
    for found in walk(sample, "limit=4"):
        assert found
    event.remove(engine, "before_cursor_execute", listener)
    assert len(seen) == 3
    assert all(statement.startswith("SELECT") for statement in seen)


def cursor_of(sample: ConformingClient, make_things: MakeThings, query: str = "limit=1") -> str:
    """A cursor that is good for this query."""
    make_things(3)
    found: str = sample.get(f"{THINGS}?{query}").json["next_cursor"]  # type: ignore[index]
    return found


def refused(answer: Any) -> bool:
    """Whether it was the cursor that was refused."""
    return (answer.status_code, answer.json["code"]) == (400, "core.cursor_invalid")


@pytest.mark.parametrize("query", ["limit=1&action=thing", "limit=1&tag=a", "limit=1&oldest_first=true"])
def test_a_cursor_is_bound_to_its_filters_and_order(sample: ConformingClient, make_things: MakeThings, query: str) -> None:
    """With others it would leave out items silently."""
    cursor = cursor_of(sample, make_things)
    assert refused(sample.get(f"{THINGS}?{query}&cursor={cursor}"))


def test_a_cursor_is_good_for_another_limit(sample: ConformingClient, make_things: MakeThings) -> None:
    """The size of a page is no filter."""
    cursor = cursor_of(sample, make_things)
    assert sample.get(f"{THINGS}?limit=2&cursor={cursor}").status_code == 200


def test_a_cursor_is_bound_to_its_list(sample: ConformingClient, make_things: MakeThings) -> None:
    """Another list's is refused, though it is signed with the same key."""
    cursor = cursor_of(sample, make_things)
    assert refused(sample.get(f"/api/v1/gacha/banners?cursor={cursor}"))


FORGED = [
    "x",
    "....",
    "a.b",
    "W10.x",
    "eyJhIjoxfQ.c2ln",
    ".eJwrTi0uBgAEgAGz.x",
    "%F0%9F%8E%B2",
    "'; DROP TABLE core_audit_log; --",
    "x" * 4000,
]


@pytest.mark.parametrize("cursor", FORGED)
def test_a_cursor_that_was_made_up_is_refused(sample: ConformingClient, cursor: str) -> None:
    """400, never a 5xx."""
    assert refused(sample.get(THINGS, query_string={"cursor": cursor}))


def test_every_changed_character_is_noticed(sample: ConformingClient, make_things: MakeThings) -> None:
    """The signature covers the whole of it."""
    cursor = cursor_of(sample, make_things)
    for place in range(len(cursor) - 1):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert refused(sample.get(f"{THINGS}?limit=1&cursor={changed}")), place


def test_a_cursor_signed_with_another_secret_is_refused(sample: ConformingClient, make_things: MakeThings) -> None:
    """Even with the right content."""
    cursor = cursor_of(sample, make_things)
    content = URLSafeSerializer("x").loads_unsafe(cursor)[1]
    assert refused(sample.get(f"{THINGS}?limit=1&cursor={_signer(('another-secret' * 4,)).dumps(content)}"))


def test_a_cursor_outlives_a_rotation_of_secrets(
    sample: ConformingClient, make_things: MakeThings, guarded_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first key signs, all verify; a key that was taken off the list verifies no more."""
    playhall: Playhall = guarded_app.extensions["playhall"]
    old, new = playhall.settings.secret_keys[0], "n" * 40

    def rotate(*keys: str) -> None:
        monkeypatch.setattr(playhall, "settings", dataclasses.replace(playhall.settings, secret_keys=keys))

    before = cursor_of(sample, make_things)
    rotate(new, old)
    assert sample.get(f"{THINGS}?limit=1&cursor={before}").status_code == 200
    after = sample.get(f"{THINGS}?limit=1").json["next_cursor"]  # type: ignore[index]
    rotate(new)
    assert sample.get(f"{THINGS}?limit=1&cursor={after}").status_code == 200
    assert refused(sample.get(f"{THINGS}?limit=1&cursor={before}"))
