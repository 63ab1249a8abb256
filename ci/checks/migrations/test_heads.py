"""Each history is one line, and a file beside it names the newest revision: two changes that both add one meet in git."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.migrating.branches import Branch, MigrationError

from ...problems import Problem
from ...scope import Scope
from ..conftest import Judge

GATE = "heads"


def test_heads(scope: Scope, judge: Judge) -> None:
    """One newest revision each, and HEAD names it."""
    judge(problem for branch in scope.branches for problem in problems(branch, scope))


def problems(branch: Branch, scope: Scope) -> Iterator[Problem]:
    """What is wrong with the newest revision of a branch."""
    file = branch.folder / "HEAD"
    where = f"{scope.relative(file)}:1"
    try:
        newest = next(iter(branch.revisions()), None)
    except MigrationError as error:
        yield Problem(
            gate=GATE,
            where=f"{scope.relative(branch.folder)}:1",
            subject=branch.name,
            what=str(error),
            why="With two newest revisions no database can be upgraded",
            do="set down_revision of the later one to the other",
        )
        return
    said = file.read_text().strip() if file.exists() else None
    if newest and said != newest:
        yield Problem(
            gate=GATE,
            where=where,
            subject=branch.name,
            what=f"it says {said or 'nothing'}, and the newest revision of {branch.name} is {newest}",
            why="It is what makes two changes that both add a revision conflict before they are merged",
            do=f"echo {newest} > {scope.relative(file)}",
        )
