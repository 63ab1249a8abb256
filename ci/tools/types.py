"""mypy, strictly."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..gate import CouldNotRun, Done
from ..problems import Problem
from ..scope import Scope

GATE = "types"


def argv(scope: Scope) -> list[str]:
    """The packages that setup.cfg names; of a plugin in its own repository, its package."""
    own = ["--strict", "--config-file=", *map(str, scope.sources.values())] if scope.only else []
    return ["mypy", "--no-error-summary", "--output=json", *own]


def problems(scope: Scope, done: Done) -> Iterator[Problem]:
    """mypy's errors."""
    if done.code not in (0, 1):
        raise CouldNotRun(f"mypy ended with {done.code}: {done.out.strip() or done.err.strip()}")
    for line in done.out.splitlines():
        found = json.loads(line)
        if found["severity"] == "error":
            yield Problem(
                gate=GATE,
                where=f"{scope.relative(found['file'])}:{max(1, found['line'])}",
                what=f"{' '.join(found['message'].split())} [{found['code']}]".rstrip("."),
                why="What a type promises and the code does not keep fails when it runs",
                do=found["hint"] or "correct the type or the code",
            )
