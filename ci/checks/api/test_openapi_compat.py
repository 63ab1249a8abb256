"""No client that was made for the document at the merge base breaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.core.web.openapi import DOCUMENT
from app.core.wiring import API_PREFIX

from ...problems import Problem
from ...scope import Scope
from ..conftest import Judge
from .calls import Examples, Target, send
from .compat import breaks
from .conforming import Answered, schema_of, tried
from .world import World

GATE = "openapi-compat"
NIGHTLY_EXAMPLES = 30

_SAY = "from app import create_app; from app.core.web.openapi import text; app = create_app(); app.app_context().push(); print(text())"


@pytest.mark.history
def test_openapi_compat(world: World, scope: Scope, judge: Judge) -> None:
    """Document against document; in the night the old one's requests against the application, too."""
    old = before(scope)
    found = list(problems(old, world, scope))
    judge([*found, *behaviour(old, world)] if scope.nightly else found)


def before(scope: Scope) -> dict[str, Any]:
    """The document at the merge base: as it was committed there, or else as the plugin of then serves it."""
    assert scope.history is not None
    path = Path(scope.option("openapi", str(DOCUMENT)))
    if text := scope.history.before(path):
        return dict(json.loads(text))
    if scope.only is None:
        raise LookupError(f"{path} is not in the commit {scope.history.base}; write in setup.cfg under [ci]: openapi = <path>")
    with scope.history.worktree() as base:
        home = base / scope.sources[scope.only].resolve().relative_to(scope.root)
        return _served(home.parent) if home.is_dir() else {"paths": {}}


def _served(home: Path) -> dict[str, Any]:
    """The document that the application serves with the packages in a folder before all others of their names."""
    path = os.pathsep.join(filter(None, [str(home), *sys.path]))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", _SAY], env=environment, cwd=home, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"the plugin as it was at the merge base does not start: {done.stderr.strip().splitlines()[-1]}")
    return dict(json.loads(done.stdout[done.stdout.index("{") :]))


def problems(old: dict[str, Any], world: World, scope: Scope) -> Iterator[Problem]:
    """What breaks by the documents."""
    prefixes = (f"{API_PREFIX}/{scope.only}/",) if scope.only else ("/",)
    for one in breaks(old, world.document, datetime.now(UTC).date(), prefixes):
        yield _problem(one.where, one.what, one.do)


def behaviour(old: dict[str, Any], world: World) -> Iterator[Problem]:
    """What breaks although both documents say the same: what was accepted is refused, what was answered is not."""
    world.live()
    examples, schema = Examples(old, world.found, world.options), schema_of(world.app, old)
    for target in world.targets:
        said = old["paths"].get(target.path, {}).get(target.method.lower())
        if said is None:
            continue
        was = Target(target.method, target.rule, target.owner, target.promise, said)
        if (refused := _refused(world, target, was, examples)) is not None:
            yield _problem(str(target), f"what the old document gives as an example is answered with {refused}", "go on accepting it")
        for answered in tried(world, was, schema, NIGHTLY_EXAMPLES, valid=True):
            if answered.status < 300 and answered.failures:
                yield _problem(str(target), f"by the old document: {_said(answered)}", "answer as before, and add to it")
                break


def _refused(world: World, target: Target, was: Target, examples: Examples) -> int | None:
    """How the old example is answered, when the new one is accepted and the old one is not."""
    accepted = any(send(world.caller(target), target, one).status_code < 300 for one in world.examples.of(target))
    answers = [send(world.caller(target), target, one).status_code for one in examples.of(was)] if accepted else []
    return None if any(status < 300 for status in answers) else next(iter(answers), None)


def _said(answered: Answered) -> str:
    return next(iter(answered.failures.values()))


def _problem(where: str, what: str, do: str) -> Problem:
    return Problem(gate=GATE, where=where, what=what, why="Clients that are out there were made for the old document", do=do)
