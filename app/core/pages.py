"""Lists: a page of items and an opaque cursor to the next (the pages colleague replaces this body)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from app.core.db import session

F = TypeVar("F", bound=Callable[..., Any])


class Page:
    """What a list was asked for."""

    def of(self, select: Any, *, key: tuple[Any, ...]) -> Any:
        """One page of the rows, in the order of the key."""
        return {"items": session().scalars(select.order_by(*key).limit(50)).all(), "next_cursor": None}


def paged(blueprint: Any, schema: Any) -> Callable[[F], F]:
    """Make a view a list."""

    def decorator(view: F) -> F:
        return view

    return decorator
