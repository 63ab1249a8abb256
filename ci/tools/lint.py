"""ruff's rules: known mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..gate import CouldNotRun, Done
from ..problems import Problem
from ..scope import HOME, Scope

GATE = "lint"


def argv(scope: Scope) -> list[str]:
    """Every file of the project; a plugin of its own repository is held to Playhall's rules."""
    return ["ruff", "check", "--output-format=json", *rules(scope), "."]


def rules(scope: Scope) -> list[str]:
    """Which rules: the checkout's own, which extend those that come with this package."""
    return [f"--config={HOME / 'rules.toml'}"] if scope.only else []


def problems(scope: Scope, done: Done) -> Iterator[Problem]:
    """ruff's findings."""
    if done.code not in (0, 1):
        raise CouldNotRun(f"ruff ended with {done.code}: {done.err.strip()}")
    for found in json.loads(done.out):
        yield Problem(
            gate=GATE,
            where=f"{scope.relative(found['filename'])}:{found['location']['row']}",
            what=f"{found['code']} {found['message']}".rstrip("."),
            why="It is a known mistake or hides one",
            do=(found.get("fix") or {}).get("message") or f"mend it; ruff rule {found['code']} explains how",
        )
