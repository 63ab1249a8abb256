"""No test counts on another having run before it."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...problems import Problem
from ...scope import Scope, reports
from ...tools.tests import failed
from ..conftest import Judge

GATE = "order"
SEEDS = random.SystemRandom().sample(range(1, 10_000), 2)


@pytest.mark.nightly
@pytest.mark.parametrize("run", [0, 1])
def test_order(scope: Scope, judge: Judge, run: int) -> None:
    """All tests pass in an order by chance, twice."""
    judge(problems(scope, SEEDS[run]))


def problems(scope: Scope, seed: int) -> Iterator[Problem]:
    """Each test that fails in this order."""
    report = reports(scope) / "order.xml"
    options = ["-o", "addopts=", "-o", "junit_family=xunit1", "-q", "-p", "randomly", f"--randomly-seed={seed}", f"--junit-xml={report}"]
    done = subprocess.run([sys.executable, "-m", "pytest", *options, str(scope.tests)], cwd=scope.root, check=False)  # noqa: S603
    assert done.returncode in (0, 1), f"pytest ended with {done.returncode}; what it printed says why"
    for file, line, name, said in failed(Path(report)):
        yield Problem(
            gate=GATE,
            where=f"{file}:{line}",
            subject=f"{file}::{name}",
            what=f"{name} fails in the order of seed {seed}: {said}",
            why="It counts on what another test left behind",
            do=f"pytest -p randomly --randomly-seed={seed} '{file}'",
        )
