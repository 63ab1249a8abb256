"""What spends or grants can be repeated: with its key the first answer comes again, and nothing happens twice."""

from __future__ import annotations

from collections.abc import Iterator

from werkzeug.test import TestResponse

from app.core.idempotency import HEADER, REPLAYED
from app.core.registry import ECONOMY
from app.core.tables import owner_of
from playhall.testing.accounts import Client

from ...problems import Problem
from ..conftest import Judge
from .calls import CORE, Request, Target, read, send
from .world import Rows, World

GATE = "idempotency"
KEY = "the-same-key"


def test_idempotency(world: World, judge: Judge) -> None:
    """Every unsafe operation of somebody who is signed in, sent twice."""
    judge(problems(world))


def problems(world: World) -> Iterator[Problem]:
    """Operations that are not safe to repeat, or could not be reached."""
    for target in world.targets:
        if target.unsafe and not target.public:
            world.fill()
            yield from _problems(world, target)


def _problems(world: World, target: Target) -> Iterator[Problem]:
    client = world.client()
    reached = _reached(world, target, client)
    if isinstance(reached, str):
        yield _blind(target, reached)
        return
    request, first = reached
    before = world.look()
    second = send(client, target, request, key=KEY)
    effects = _effects(before, world.look())
    assert target.promise is not None
    if not target.promise.idempotent:
        if second.status_code < 300 and effects:
            yield _problem(
                target,
                f"sent twice it takes effect twice, in {effects}",
                "A client that lost the answer repeats, and spends or receives again",
                f"@operation(..., idempotent=True), which demands an {HEADER}",
            )
    elif effects:
        yield _problem(
            target,
            f"repeated with its key it takes effect again, in {effects}",
            "A client that lost the answer repeats, and spends or receives again",
            "write with session() only, in the transaction under way: what commits by itself is not undone with it",
        )
    elif (second.status_code, second.data) != (first.status_code, first.data) or second.headers.get(REPLAYED) != "true":
        yield _problem(
            target,
            f"repeated with its key it answers {second.status_code} {REPLAYED}: {second.headers.get(REPLAYED)}, not the same bytes again",
            "The first answer, byte for byte, is what a client can rely on",
            "let nothing change the answer after the view, or answer before it",
        )


def _reached(world: World, target: Target, client: Client) -> tuple[Request, TestResponse] | str:
    """The first request that is answered with success, and the answer; or what the last one was told."""
    said = "nothing"
    for request in world.examples.of(target):
        if client_session(client) in request.path:
            continue  # it would end what the others need
        answer = send(client, target, request, key=KEY)
        if answer.status_code < 300:
            return request, answer
        document = read(answer)
        said = f"{answer.status_code} {document.get('code', '') if isinstance(document, dict) else ''}".strip()
    return said


def client_session(client: Client) -> str:
    """The id of the session that a client is signed in with."""
    return str(getattr(client, "session", ""))


def _effects(before: Rows, now: Rows) -> str:
    """Tables that hold more, and tables of the economy that hold something else; empty when there is none."""
    found = []
    for table, rows in now.items():
        old = before.get(table, ())
        owned = any("account_id" in row for row in rows) and owner_of(table) != CORE
        if (len(rows) > len(old) and owned) or (owner_of(table) == ECONOMY and sorted(map(str, rows)) != sorted(map(str, old))):
            found.append(table)
    return ", ".join(sorted(found))


def _blind(target: Target, said: str) -> Problem:
    return _problem(
        target,
        f"it is blind: the request made from the document and the rows of the tables was answered with {said}",
        "What was never done once says nothing about twice",
        f"give its schema examples that work, or write in setup.cfg under [ci:plugin:{target.owner}]: path.<parameter> = <value>",
    )


def _problem(target: Target, what: str, why: str, do: str) -> Problem:
    return Problem(gate=GATE, where=str(target), what=what, why=why, do=do)
