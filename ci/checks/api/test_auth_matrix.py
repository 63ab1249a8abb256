"""Nobody comes in without a token or without the permission, and nobody reaches another account's rows, whatever ids they send."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Table
from werkzeug.test import TestResponse

from app.core.db import Base, Kind
from app.core.tables import ACCOUNT
from app.core.web.json import dumps
from playhall.testing.accounts import Client

from ...problems import Problem
from ..conftest import Judge
from .calls import NOBODY, Request, Target, read, send
from .world import Rows, World

GATE = "auth-matrix"
PLAYER = "player"

_TELLING = re.compile(r"\d")  # a word such as "cancelled" says nothing of anybody; made-up texts and ids have digits
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Theirs:
    """What is known of the account that has rows, and is not the other's."""

    ids: list[str]  # its own, and all that may be one of a row
    owned: list[str]  # those of rows that are its alone; a code or a handle is there to be looked up
    values: Mapping[str, str]  # what tells of it -> table and column


def test_auth_matrix(world: World, judge: Judge) -> None:
    """Every operation, asked by nobody, by the wrong role, and by another account."""
    judge(problems(world))


def problems(world: World) -> Iterator[Problem]:
    """Where somebody gets what is not theirs."""
    for target in world.targets:
        yield from entry_problems(world, target)
    yield from others_problems(world)


def entry_problems(world: World, target: Target) -> Iterator[Problem]:
    """What it answers to nobody, and to every role that may not."""
    request = next(world.examples.of(target))
    if target.promise is None or target.promise.public:
        return
    answer = send(Client(world.app), target, request)
    if answer.status_code != 401:
        yield _problem(
            target,
            f"without a token it answers {answer.status_code}, not 401",
            "Whoever finds the address may use it",
            "let nothing answer before its Blueprint's guards; if all may call it: @operation(public=True, limit=...)",
        )
    if permission := target.promise.permission:
        allowed = world.playhall.permissions[permission].roles
        for roles in ([], *([role] for role in sorted(world.roles - {*allowed}))):
            answer = send(world.client(roles=roles), target, request)
            if answer.status_code != 403:
                who = f"an account with the role {roles[0]}" if roles else "an account without a role"
                yield _problem(
                    target,
                    f"to {who} it answers {answer.status_code}, not 403",
                    f"Only {', '.join(allowed)} have the permission {permission}",
                    "let its Blueprint's guards run: nothing may answer before them",
                )


def others_problems(world: World) -> Iterator[Problem]:
    """What an account gets to see, or does, with the ids of another's rows."""
    world.fill()
    yield from blind(world)
    before = world.look()
    theirs = Theirs(_ids(world, before), _ids(world, before, only=Kind.OWNED), _values(world, before))
    other = world.another()
    for target in sorted((one for one in world.targets if not one.for_operators), key=lambda one: one.unsafe):
        client = world.client(other, _roles(world, target))
        yield from _first(_with_ids(world, target, client, theirs))
        if target.unsafe and (changed := _changed(world, before, now := world.look())):
            yield _problem(
                target,
                f"with the ids of another account it changed {changed}",
                "Whoever guesses or sees an id can do that to others",
                "add account_id == current_account() to the WHERE of what it changes",
            )
            before = now


def blind(world: World) -> Iterator[Problem]:
    """Tables that took no row: nothing can be said about theirs."""
    for table, why in (world.refused or {}).items():
        yield Problem(
            gate=GATE,
            where=table,
            what=f"it is blind: no row could be made for {table}: {why.said}",
            why="Without rows nobody can be seen to reach them",
            do=why.remedy,
        )


def _with_ids(world: World, target: Target, client: Client, theirs: Theirs) -> Iterator[Problem]:
    anything = _answers_anything(world, target, client)
    for request, sent in _requests(world, target, theirs.ids):
        answer = send(client, target, request)
        if answer.status_code >= 300:
            continue
        said = {value for value in _leaves(answer) if value not in sent}
        shown = next((value for value in theirs.values if value in said or (len(value) > 11 and any(value in one for one in said))), None)
        if shown:
            yield _problem(
                target,
                f"another account is shown {theirs.values[shown]} ({shown[:40]!r})",
                "Whoever guesses or sees an id reads what is not theirs",
                "select with account_id == current_account()",
            )
        elif sent & {*theirs.owned} and not anything:
            yield _problem(
                target,
                f"with the id of another account's row it answers {answer.status_code}, not 404",
                "It did something for somebody who may not, or tells that there is such a row",
                "select with account_id == current_account(), and raise NotFound when there is no such row",
            )


def _requests(world: World, target: Target, ids: list[str]) -> Iterator[tuple[Request, set[str]]]:
    """Each place in the path and in the query that takes an id, with every id; and as it is, for a list. With the ids sent."""
    usual = {name: world.examples.ids(target, name)[0] for name in target.parameters}
    for name in target.parameters:
        for value in ids:
            if target.takes(name, value):
                yield world.examples.request(target, {**usual, name: value}), {value}
    if target.unsafe and target.parameters:
        return
    plain = _plain(world, target)
    yield plain, set()
    for said in map(world.examples.resolved, target.said.get("parameters", ())):
        if said["in"] == "query" and said.get("schema", {}).get("format") == "uuid":
            for value in ids:
                yield replace(plain, query={**plain.query, said["name"]: value}), {value}


def _plain(world: World, target: Target) -> Request:
    """With an id in its path that nothing has, where one fits."""
    nobody = (
        next((value for value in (NOBODY, "nothing-of-that-name", "1") if target.takes(name, value)), NOBODY) for name in target.parameters
    )
    return world.examples.request(target, dict(zip(target.parameters, nobody, strict=True)))


def _answers_anything(world: World, target: Target, client: Client) -> bool:
    """Whether a GET is answered with success whatever id it is sent: then success says nothing."""
    return not target.unsafe and bool(target.parameters) and send(client, target, _plain(world, target)).status_code < 300


def _first(found: Iterator[Problem]) -> Iterator[Problem]:
    """One is enough: the others are the same mistake."""
    one = next(found, None)
    return iter([one] if one else [])


def _roles(world: World, target: Target) -> list[str]:
    """A player's, or what it takes where players may not."""
    allowed = world.playhall.permissions[target.promise.permission].roles if target.promise and target.promise.permission else (PLAYER,)
    return [PLAYER if PLAYER in allowed else next(iter(allowed), PLAYER)]


def _own(world: World, rows: Rows) -> dict[str, list[Mapping[str, Any]]]:
    """The account's rows, by table."""
    own = str(world.account)
    found = {table: [row for row in all_rows if row.get("account_id") == own] for table, all_rows in rows.items() if table != ACCOUNT}
    return {table: some for table, some in found.items() if some}


def _ids(world: World, rows: Rows, only: Kind | None = None) -> list[str]:
    """What identifies the account and its rows, or those of its rows whose tables are of one kind."""
    kinds = {mapper.local_table.name: mapper.class_.__kind__ for mapper in Base.registry.mappers if isinstance(mapper.local_table, Table)}
    own = [row for table, some in _own(world, rows).items() if only in (None, kinds.get(table)) for row in some]
    keys = (str(row[name]) for row in own for name in row if name != "account_id")
    telling = dict.fromkeys(value for value in keys if _is_telling(value) and len(value) < 200)
    return [*telling] if only else [str(world.account), *telling]


def _values(world: World, rows: Rows) -> dict[str, str]:
    """What tells of the account's rows, with where it stands; without what stands in others' rows, too."""
    own = _own(world, rows)
    others = dumps({table: [row for row in all_rows if row not in own.get(table, ())] for table, all_rows in rows.items()})
    return {
        text: f"{table}.{name}"
        for table, some in own.items()
        for row in some
        for name, value in row.items()
        if name != "account_id" and _is_telling(text := str(value)) and text not in others
    }


def _is_telling(text: str) -> bool:
    return len(text) > 5 and bool(_TELLING.search(text)) and not _MOMENT.match(text)


def _leaves(answer: TestResponse) -> set[str]:
    """Every text and number of an answer."""
    found, todo = set(), [read(answer)]
    while todo:
        one = todo.pop()
        if isinstance(one, dict | list):
            todo += [*one, *one.values()] if isinstance(one, dict) else one
        else:
            found.add(str(one))
    return found


def _changed(world: World, before: Rows, now: Rows) -> str:
    """The tables in which the account's rows are not what they were; empty when there is none."""
    old, new = _own(world, before), _own(world, now)
    # What the core keeps of requests is no account's to protect: keys of idempotency, counters.
    return ", ".join(sorted(table for table in old.keys() | new.keys() if old.get(table) != new.get(table)))


def _problem(target: Target, what: str, why: str, do: str) -> Problem:
    return Problem(gate=GATE, where=str(target), what=what, why=why, do=do)
