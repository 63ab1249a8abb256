"""What a revision file must and must not hold: no import that may change, a way back, an id that says whose it is."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.migrating.branches import Branch
from playhall.testing.revisions import broken

from ...problems import Problem
from ...scope import Scope
from ..conftest import Judge

GATE = "revisions"


def test_revisions(scope: Scope, judge: Judge) -> None:
    """Read from the source, without running it."""
    judge(problem for branch in scope.branches for problem in problems(branch, scope))


def problems(branch: Branch, scope: Scope) -> Iterator[Problem]:
    """The broken rules in the files of a branch."""
    for rule in broken(branch):
        where = f"{scope.relative(rule.path)}:{rule.line}"
        yield Problem(gate=GATE, where=where, subject=rule.path.stem, what=rule.what, why=rule.why, do=rule.do)
