"""Nobody comes in without a token or without the permission, and nobody reaches another account's rows, whatever ids they send."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from werkzeug.test import TestResponse

from app.core.tables import ACCOUNT
from app.core.web.json import dumps
from playhall.testing.accounts import Client

from ...problems import Problem
from ..conftest import Judge
from .calls import NOBODY, Request, Target, send
from .world import Rows, World

GATE = "auth-matrix"
PLAYER = "player"

_TELLING = re.compile(r"\d")  # a word such as "cancelled" says nothing of anybody; made-up texts and ids have digits
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


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
    ids, values = _ids(world, before), _values(world, before)
    other = world.another()
    for target in sorted((one for one in world.targets if not one.for_operators), key=lambda one: one.unsafe):
        client = world.client(other, _roles(world, target))
        yield from _first(_with_ids(world, target, client, ids, values))
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


def _with_ids(world: World, target: Target, client: Client, ids: list[str], values: Mapping[str, str]) -> Iterator[Problem]:
    for request, sent in _requests(world, target, ids):
        answer = send(client, target, request)
        if answer.status_code >= 300:
            continue
        said = {value for value in _leaves(answer) if value not in sent}
        if shown := next((value for value in values if value in said or (len(value) > 11 and any(value in one for one in said))), None):
            yield _problem(
                target,
                f"another account is shown {values[shown]} ({shown[:40]!r})",
                "Whoever guesses or sees an id reads what is not theirs",
                "select with account_id == current_account()",
            )
        elif target.unsafe and sent:
            yield _problem(
                target,
                f"with the id of another account's row it answers {answer.status_code}, not 404",
                "It did something, or says that it did, for somebody who may not",
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
    plain = world.examples.request(target, {name: NOBODY if target.takes(name, NOBODY) else usual[name] for name in target.parameters})
    yield plain, set()
    for said in map(world.examples.resolved, target.said.get("parameters", ())):
        if said["in"] == "query" and said.get("schema", {}).get("format") == "uuid":
            for value in ids:
                yield replace(plain, query={**plain.query, said["name"]: value}), {value}


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


def _ids(world: World, rows: Rows) -> list[str]:
    """What identifies the account and its rows."""
    keys = (str(row[name]) for some in _own(world, rows).values() for row in some for name in row if name != "account_id")
    return [str(world.account), *dict.fromkeys(value for value in keys if _is_telling(value) and len(value) < 200)]


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
    found, todo = set(), [answer.get_json(silent=True) if answer.is_json else answer.get_data(as_text=True)]
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
