"""How a command names the rows that it is for, by their ids or by a name, and tells what it did to each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, Protocol, TypeVar
from uuid import UUID

import click

from app.core.db import transaction
from app.core.errors import NotFound

P = ParamSpec("P")
R = TypeVar("R")

MOST = 10_000


class Row(Protocol):
    """What is found."""

    @property
    def id(self) -> UUID: ...


class Find(Protocol):
    """Finds the rows of a name."""

    def __call__(self, *, name: str, limit: int) -> Sequence[Row]: ...


def told(command: Callable[P, R]) -> Callable[P, R]:
    """Show a NotFound as the command's message, without a traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except NotFound as error:
            raise click.ClickException(error.detail) from error

    return wrapped


def chosen(ids: Sequence[UUID], name: str | None, find: Find) -> Iterable[UUID]:
    """Those with these ids, or up to 10,000 of this name; exactly one of the two must be given."""
    if name and not ids:
        return [row.id for row in find(name=name, limit=MOST)]
    if ids and not name:
        return ids
    raise click.UsageError("name them either by their ids, or all of a name with --name")


def each(ids: Iterable[UUID], act: Callable[[UUID], None], said: str) -> None:
    """Do it to each, in a transaction of its own."""
    for one in ids:
        transaction(functools.partial(act, one))
        click.echo(f"{one} {said}")
