"""Services live as long as one attempt."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import svcs
from flask import Flask
from sqlalchemy.exc import OperationalError

from app.core.db import transaction
from app.core.services import get


class Cart:
    """A service that remembers, which must not outlive what was rolled back."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.closed = False


def lost() -> OperationalError:
    return OperationalError("INSERT", None, psycopg.errors.SerializationFailure("again"))


def test_each_attempt_has_services_of_its_own(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first had made is closed before the second begins; within an attempt there is one."""
    made: list[Cart] = []
    seen: list[tuple[int, list[bool]]] = []

    def factory() -> Iterator[Cart]:
        made.append(cart := Cart())
        yield cart
        cart.closed = True

    def work() -> list[str]:
        get(Cart).items.append("gem")
        seen.append((len(made), [cart.closed for cart in made]))
        if len(seen) < 3:
            raise lost()
        return get(Cart).items

    registry = svcs.Registry()
    registry.register_factory(Cart, factory)
    monkeypatch.setitem(app.extensions, "svcs_registry", registry)
    with app.app_context():
        assert transaction(work) == ["gem"]
        assert seen == [(1, [False]), (2, [True, False]), (3, [True, True, False])]
    assert made[-1].closed
