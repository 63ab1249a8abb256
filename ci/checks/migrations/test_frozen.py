"""A revision that was released never changes: somewhere a database was made by what it said then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.migrating.branches import Branch

from ...history import History
from ...problems import Problem
from ...scope import Scope
from ..conftest import Judge

GATE = "frozen"
WHY = "Databases that have it already would not get the change, and no two would be alike"

pytestmark = pytest.mark.history


def test_frozen(scope: Scope, judge: Judge) -> None:
    """Every file of the last release is there, byte for byte."""
    assert scope.history is not None
    tag = scope.history.release()
    assert tag is not None
    judge(problem for branch in scope.branches for problem in problems(branch, scope, scope.history, tag))


def problems(branch: Branch, scope: Scope, history: History, tag: str) -> Iterator[Problem]:
    """The revisions of a branch that are not as they were released."""
    folder = branch.folder.resolve()
    if not folder.is_relative_to(scope.root):
        what, do = f"the revisions of {branch.name} that are imported are not this folder's", "pip install -e ."
        yield Problem(gate=GATE, where=f"{folder}:1", subject=branch.name, what=what, why="Nothing can be compared", do=do)
        return
    for path in history.files(tag, folder.relative_to(scope.root)):
        if path.suffix != ".py" or path.name.startswith("_"):
            continue
        now, file = scope.root / path, path.as_posix()
        if not now.exists():
            what, do = f"it was released with {tag} and is gone", f"git checkout {tag} -- {file}"
        elif now.read_text(encoding="utf-8") != history.before(path, tag):
            what = f"it was released with {tag} and is not as it was"
            do = f"git checkout {tag} -- {file}, and write the change as a new revision: flask db migrate --plugin {branch.name} -m TEXT"
        else:
            continue
        yield Problem(gate=GATE, where=f"{file}:1", subject=path.stem, what=what, why=WHY, do=do)
