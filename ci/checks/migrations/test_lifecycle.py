"""A plugin comes, is used, goes, and leaves the database as it was; it boots alone and with all others, and they without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from app.core import registry
from playhall.testing.services import Services

from ...gate import CouldNotRun
from ...problems import Problem
from ...scope import Scope, enabled
from ..conftest import Judge

GATE = "lifecycle"
WHY = "A studio drops what it does not want, and keeps the rest"

pytestmark = pytest.mark.xdist_group("lifecycle")


def test_lifecycle(scope: Scope, services: Services, judge: Judge, tmp_path: Path) -> None:
    """Alone with what it requires, all together, all but one; and install, upgrade, use, remove, uninstall."""
    del services  # has put the servers' addresses into the environment
    judge(problems(scope, tmp_path / "troubles.json"))


def problems(scope: Scope, report: Path) -> Iterator[Problem]:
    """What goes wrong in the lives of the plugins under test."""
    folders = {branch.name: branch.folder for branch in scope.branches}
    tested = [plugin.name for plugin in scope.plugins if plugin.name != registry.ECONOMY]
    asked = json.dumps({"plugins": _required(scope), "tested": tested})
    command = [sys.executable, "-m", f"{__package__}.lives", str(report)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # found as this process finds it
    done = subprocess.run(command, input=asked, cwd=scope.root, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise CouldNotRun(done.stderr)
    for name, what, do in json.loads(report.read_text(encoding="utf-8")):
        folder = folders.get(name, scope.root)
        yield Problem(gate=GATE, where=f"{scope.relative(folder)}:1", subject=name, what=what, why=WHY, do=do)


def _required(scope: Scope) -> Mapping[str, list[str]]:
    """Every plugin that takes part, with all that it requires."""
    wanted = {*registry.BUILT_IN, *(name for plugin in scope.plugins for name in enabled(plugin))} - {registry.ECONOMY}
    return {name: sorted({*enabled(registry.load(name))} - {name}) for name in sorted(wanted)}
