"""What the application answers is what its OpenAPI document says, whatever it is sent."""

from __future__ import annotations

from collections.abc import Iterator

from ...problems import Problem
from ...scope import Scope
from ..conftest import Judge
from .calls import Target, send
from .conforming import Answered, judged, schema_of, tried
from .world import World

GATE = "openapi-true"
EXAMPLES, NIGHTLY_EXAMPLES = 15, 100

_DO = {
    "Undocumented status code": "declare it: @operation(errors=[...]) or @blueprint.response(...)",
    "Server error": "refuse such input in the schema, or handle it in the view",
    "Undocumented Content-Type": "@blueprint.response(..., content_type=...)",
}


def test_openapi_true(world: World, scope: Scope, judge: Judge) -> None:
    """Requests made from the document and from the rows, sent by somebody who is signed in."""
    judge(problems(world, NIGHTLY_EXAMPLES if scope.nightly else EXAMPLES))


def problems(world: World, count: int) -> Iterator[Problem]:
    """Where the document is not true: each kind of mistake once for each operation."""
    world.live()
    schema = schema_of(world.app, world.document)
    for target in world.targets:
        if not target.said:
            yield _problem(target, "it is not in the OpenAPI document", "route it on a Blueprint of its plugin that stands in `blueprints`")
            continue
        told: set[str] = set()
        for answered in _answers(world, target, schema, count):
            for title, said in answered.failures.items():
                if title not in told:
                    told.add(title)
                    yield _problem(target, f"{answered.sent} is answered with {answered.status}: {said}", _DO.get(title, _OTHERWISE))


_OTHERWISE = "make the schema say what is answered"


def _answers(world: World, target: Target, schema: object, count: int) -> Iterator[Answered]:
    client = world.caller(target)
    for request in world.examples.of(target):
        yield judged(target, schema, send(client, target, request))
    yield from tried(world, target, schema, count)


def _problem(target: Target, what: str, do: str) -> Problem:
    return Problem(gate=GATE, where=str(target), what=what, why="Clients are made from the document, and meet the application", do=do)
