"""ruff's formatter: one layout, so that a diff shows what changed and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..gate import CouldNotRun, Done
from ..problems import Problem
from ..scope import Scope
from .lint import rules

GATE = "format"


def argv(scope: Scope) -> list[str]:
    """Every file of the project."""
    return ["ruff", "format", "--check", "--output-format=json", *rules(scope), "."]


def problems(scope: Scope, done: Done) -> Iterator[Problem]:
    """The files that ruff would lay out in another way."""
    if done.code not in (0, 1):
        raise CouldNotRun(f"ruff ended with {done.code}: {done.err.strip()}")
    for found in json.loads(done.out):
        file = scope.relative(found["filename"])
        yield Problem(
            gate=GATE,
            where=f"{file}:{found['location']['row']}",
            what="it is not laid out as ruff lays it out",
            why="Layout by hand makes diffs of things that did not change",
            do=f"ruff format {file}",
        )
