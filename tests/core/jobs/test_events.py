"""An event is a frozen fact whose fields come back as they went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from probe_plugin.api import Seen
from probing import ask

from app.core.db import transaction
from app.core.events import Event, UndeclaredEvent, publish
from app.core.queue.payload import decode, encode, problem


@given(
    st.builds(
        Seen,
        account_id=st.uuids(),
        at=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))])),
        counts=st.lists(st.integers()).map(tuple),
        tags=st.none() | st.dictionaries(st.text(), st.none() | st.text()),
    )
)
def test_an_event_comes_back_as_it_went(seen: Seen) -> None:
    """Every field survives the way through JSON."""
    assert Seen.from_payload(seen.to_payload()) == seen


def test_a_field_that_a_newer_publisher_added_is_left_out() -> None:
    """An older subscriber goes on working."""
    seen = Seen(account_id=uuid4(), at=datetime.now(UTC))
    assert Seen.from_payload({**seen.to_payload(), "colour": "red"}) == seen


def test_a_field_that_an_older_publisher_did_not_know_has_its_default() -> None:
    """A newer subscriber reads old events."""
    seen = Seen(account_id=uuid4(), at=datetime.now(UTC), counts=(1,))
    old = {name: value for name, value in seen.to_payload().items() if name != "counts"}
    assert Seen.from_payload(old).counts == ()


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (None, UUID | None),
        ((1, "a"), tuple[int, str]),
        ({"a": {"b": (1, 2)}}, dict[str, dict[str, tuple[int, ...]]]),
        ({"a": UUID(int=1)}, Mapping[str, UUID]),
        ([datetime(2026, 1, 1, tzinfo=UTC)], list[datetime]),
        (True, bool),
        ("x", Any),
        (3, int | str),
    ],
)
def test_a_payload_comes_back_as_it_went(value: object, hint: object) -> None:
    """What is encoded is decoded by the type that is expected."""
    assert decode(encode(value), hint) == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.5, "float cannot travel"),
        (datetime(2026, 1, 1), "no time zone"),  # noqa: DTZ001
        ({1: 2}, "the key 1 is no str"),
        ((object(),), "object cannot travel"),
        ({"a": {1, 2}}, "set cannot travel"),
    ],
)
def test_what_has_no_json_form_is_refused(value: object, said: str) -> None:
    """The message says what to use instead."""
    with pytest.raises(TypeError, match=said):
        encode(value)


def test_a_tuple_of_the_wrong_length_is_refused() -> None:
    """A payload is not cut to fit."""
    with pytest.raises(ValueError, match="zip"):
        decode([1, 2, 3], tuple[int, int])


@pytest.mark.parametrize("hint", [float, set, tuple[float, ...], dict[str, float], dict[int, int], int | str, tuple, list[int], Any])
def test_a_field_that_cannot_travel_is_a_problem(hint: object) -> None:
    """It is found when the application boots, not when the event is published."""
    assert problem(hint)


@pytest.mark.parametrize("hint", [int, UUID | None, tuple[int, ...], tuple[int, UUID], dict[str, datetime], Mapping[str, str | None]])
def test_a_field_that_can_travel_is_none(hint: object) -> None:
    """What the documentation lists is accepted."""
    assert problem(hint) is None


def test_a_sound_event_has_no_problems() -> None:
    """The probe's own event is sound."""
    assert Seen.problems() == []


def test_every_problem_of_an_event_is_named() -> None:
    """A wrong name, a wrong field and a wrong account together."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Wrong(Event):
        name: ClassVar[str] = "Wrong"
        account_id: str
        rate: float

    Wrong.__annotations__.update(account_id=str, rate=float)
    found = "\n".join(Wrong.problems())
    assert "'<plugin>.<past tense>.v<n>'" in found
    assert "field 'rate': float cannot travel" in found
    assert "'account_id' must be a UUID" in found


def test_an_event_that_is_no_frozen_dataclass_is_a_problem() -> None:
    """A forgotten decorator is found."""

    class Bare(Event):
        name: ClassVar[str] = "loot.dropped.v1"

    [found] = Bare.problems()
    assert "@dataclass(frozen=True" in found


def test_an_event_is_published_with_the_change_it_tells_of(probed: Flask) -> None:
    """Committed with it, and rolled back with it."""
    seen = Seen(account_id=uuid4(), at=datetime.now(UTC))

    def fail() -> None:
        publish(seen)
        raise RuntimeError("no")

    with probed.app_context():
        with pytest.raises(RuntimeError):
            transaction(fail)
        transaction(lambda: publish(seen))
    [row] = ask(probed, "SELECT name, account_id, payload, jobs_at, context FROM core_outbox")
    assert (row.name, row.account_id, row.jobs_at, row.context) == ("probe.seen.v1", seen.account_id, None, None)
    assert Seen.from_payload(row.payload) == seen


def test_an_event_that_nobody_declared_is_refused(probed: Flask) -> None:
    """A class of the same name is not the declared one either."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Impostor(Event):
        name: ClassVar[str] = "probe.seen.v1"

    with probed.app_context(), pytest.raises(UndeclaredEvent, match=r"add it to Plugin\.events"):
        publish(Impostor())
