"""What a route promises: who may call it, how often, whether it is safe to repeat, and what can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.core.errors import DomainError

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_LIMIT = "core.default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The record that `operation()` leaves on a view."""

    permission: str | None = None
    public: bool = False
    limit: str = DEFAULT_LIMIT
    idempotent: bool = False
    errors: tuple[type[DomainError], ...] = ()


@dataclass(slots=True)
class Parts:
    """What the decorators of one view said, in whatever order they stood."""

    operation: Operation | None = None
    arguments: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    responses: list[tuple[Any, Any, dict[str, Any]]] = field(default_factory=list)


def parts_of(view: Callable[..., Any]) -> Parts:
    """The parts recorded on a view so far."""
    parts: Parts = view.__dict__.setdefault("__parts__", Parts())
    return parts


def operation(
    *,
    permission: str | None = None,
    public: bool = False,
    limit: str | None = None,
    idempotent: bool = False,
    errors: Sequence[type[DomainError]] = (),
) -> Callable[[F], F]:
    """Say who may call a view and what it can answer. Without `public`, a signed-in account is demanded.

    It only records; the Blueprint composes guards(arguments(transaction(idempotency(response(view))))) and documents it.
    `limit` names a declared limit (default "core.default"; a public view must name one). `idempotent` demands an
    Idempotency-Key and answers a repetition with the first answer.
    """
    record = Operation(
        permission=permission,
        public=public,
        limit=limit or ("" if public else DEFAULT_LIMIT),
        idempotent=idempotent,
        errors=tuple(errors),
    )

    def decorator(view: F) -> F:
        parts_of(view).operation = record
        return view

    return decorator
