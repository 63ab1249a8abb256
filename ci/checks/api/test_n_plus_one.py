"""A GET takes as many statements for many rows as for few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from playhall.testing.queries import CountQueries

from ...problems import Problem
from ..conftest import Judge
from .calls import Request, Target, send
from .world import World

GATE = "n-plus-one"
TIMES = 5  # each adds two rows to every table


def test_n_plus_one(world: World, judge: Judge, count_queries: CountQueries) -> None:
    """Counted at 2 and at 12 rows of every table."""
    judge(problems(world, count_queries))


def problems(world: World, count_queries: CountQueries) -> Iterator[Problem]:
    """Operations whose statements grow with the rows, or that could not be reached."""
    reads = [target for target in world.targets if target.method == "GET"]
    world.fill()
    few: dict[Target, tuple[Request, list[str]]] = {}
    for target in reads:
        request = _reaching(world, target)
        if request is None:
            yield _blind(target)
        else:
            few[target] = request, _sent(world, target, request, count_queries)
    for _ in range(TIMES):
        world.fill()
    for target, (request, before) in few.items():
        now = _sent(world, target, request, count_queries)
        if len(now) > len(before):
            more = Counter(now) - Counter(before)
            yield Problem(
                gate=GATE,
                where=str(target),
                what=f"{len(before)} statements for 2 rows, {len(now)} for {2 + 2 * TIMES}; most often {_short(more.most_common(1)[0][0])}",
                why="A list of 200 takes hundreds of round trips to the database",
                do="load it with the list: selectinload(...) or a join in the select, or one more select for all ids",
            )


def _reaching(world: World, target: Target) -> Request | None:
    """The first request that is answered with success; it warms what is kept between requests, too."""
    client = world.caller(target)
    return next((one for one in world.examples.of(target) if send(client, target, one).status_code < 300), None)


def _sent(world: World, target: Target, request: Request, count_queries: CountQueries) -> list[str]:
    client = world.caller(target)
    send(client, target, request)  # what a session's first request looks up is not the operation's
    with count_queries() as sent:
        send(client, target, request)
    return list(sent)


def _blind(target: Target) -> Problem:
    return Problem(
        gate=GATE,
        where=str(target),
        what="it is blind: no request made from the document and the rows of the tables was answered with success",
        why="Statements of an answer that never came cannot be counted",
        do=f"give an example in the schema, or in setup.cfg under [ci:plugin:{target.owner}]: path.<parameter> = ..., or samples = ...",
    )


def _short(statement: str) -> str:
    text = " ".join(statement.split())
    return f"{text[:80]}..." if len(text) > 80 else text
