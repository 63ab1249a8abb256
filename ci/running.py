"""Run gates: each tool once, all checks in one pytest session; what could not run is said, and never green."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from junitparser import JUnitXml, TestCase

from .gate import Check, CouldNotRun, Done, Gate, Need, State, Tool, Verdict
from .history import nothing_before, shallow
from .junit import problems_of, waived_of
from .problems import judge
from .scope import ASKED, HOME, NIGHTLY, PLUGIN, Scope, reports

Say = Callable[[str], None]


def run(gates: Sequence[Gate], scope: Scope, say: Say) -> Iterator[Verdict]:
    """The verdict of each gate, as it comes."""
    runs: dict[tuple[str, ...], tuple[Done, float]] = {}
    ready = []
    for gate in gates:
        if missing := _missing(gate, scope):
            yield _without(gate, missing, scope)
        elif isinstance(gate.by, Tool):
            say(f"{gate.id} ...")
            yield _tool(gate, gate.by, scope, runs)
        else:
            ready.append(gate)
    if ready:
        yield from _checks(ready, scope, say)


def _missing(gate: Gate, scope: Scope) -> Need | None:
    absent = {
        Need.HISTORY: lambda: scope.history is None,
        Need.RELEASE: lambda: scope.history is None or scope.history.release() is None,
        Need.CHECKOUT: lambda: scope.only is not None or not (scope.root / "app" / "core").is_dir(),
    }
    return next((need for need in gate.needs if need in absent and absent[need]()), None)


def _without(gate: Gate, missing: Need, scope: Scope) -> Verdict:
    """Before the first release and the second commit there is nothing to compare with, which is no fault; else it was not looked at."""
    unreleased = missing is Need.RELEASE and scope.history is not None and not shallow(scope.root)
    if unreleased or nothing_before(scope.root):
        return Verdict(gate=gate.id, state=State.HOLDS, reason=f"there is no {missing.value} yet to compare with")
    return Verdict(gate=gate.id, state=State.LEFT_OUT, reason=f"there is no {missing.value}")


def _tool(gate: Gate, tool: Tool, scope: Scope, runs: dict[tuple[str, ...], tuple[Done, float]]) -> Verdict:
    try:
        argv = tuple(tool.argv(scope))
        if argv not in runs:
            runs[argv] = _ran(argv, scope, talks=tool.talks)
        done, seconds = runs[argv]
        judged = judge(tool.problems(scope, done), scope.config.waivers, datetime.now(UTC).date())
    except CouldNotRun as error:
        return Verdict(gate=gate.id, state=State.NOT_RUN, reason=str(error))
    state = State.FAILED if judged.red else State.HOLDS
    return Verdict(gate=gate.id, state=state, seconds=seconds, problems=judged.red, waived=judged.waived)


def _ran(argv: Sequence[str], scope: Scope, *, talks: bool = False) -> tuple[Done, float]:
    program = Path(sys.executable).with_name(argv[0])
    if not program.exists():
        raise CouldNotRun(f"{argv[0]} is not installed; in a checkout: make test, elsewhere: pip install 'playhall[gates]'")
    started = time.monotonic()
    environment = {**os.environ, PLUGIN: scope.only or "", NIGHTLY: "1" if scope.nightly else "", ASKED: "1"}
    command = [str(program), *argv[1:]]
    done = subprocess.run(command, cwd=scope.root, env=environment, capture_output=not talks, text=True, check=False)  # noqa: S603
    return Done(done.returncode, done.stdout or "", done.stderr or ""), time.monotonic() - started


def _checks(gates: Sequence[Gate], scope: Scope, say: Say) -> Iterator[Verdict]:
    say(f"{', '.join(gate.id for gate in gates)} ...")
    path = reports(scope) / "checks.xml"
    path.unlink(missing_ok=True)
    modules = [str(gate.by.path) for gate in gates if isinstance(gate.by, Check)]
    # Starting a second process costs more than a gate or two take.
    workers = ["-n", "2", "--dist", "loadgroup"] if sum(Need.DATABASE in gate.needs for gate in gates) > 2 else []
    done, _ = _ran(["pytest", "-c", str(HOME / "checks" / "pytest.ini"), *workers, f"--junit-xml={path}", *modules], scope, talks=True)
    if not path.exists() or done.code > 1:
        reason = f"pytest ended with {done.code}; what it printed says why"
        yield from (Verdict(gate=gate.id, state=State.NOT_RUN, reason=reason) for gate in gates)
        return
    cases = [case for suite in JUnitXml.fromfile(str(path)) for case in suite]
    for gate in gates:
        assert isinstance(gate.by, Check)
        yield _verdict(gate, [case for case in cases if _module(case) == gate.by.path.stem])


def _module(case: TestCase) -> str:
    return str(case.classname).rpartition(".")[2]


def _verdict(gate: Gate, cases: Iterable[TestCase]) -> Verdict:
    """A check that failed without a problem broke itself: that is no verdict."""
    cases = list(cases)
    problems = tuple(problem for case in cases for problem in problems_of(case))
    broken = [case for case in cases if (case.is_failure or case.is_error) and not list(problems_of(case))]
    seconds = sum(case.time or 0 for case in cases)
    if broken or not cases:
        reason = f"{broken[0].name}: {broken[0].result[0].message}" if broken else "no test of it ran"
        return Verdict(gate=gate.id, state=State.NOT_RUN, seconds=seconds, reason=" ".join(reason.split()))
    waived = tuple(one for case in cases for one in waived_of(case))
    return Verdict(gate=gate.id, state=State.FAILED if problems else State.HOLDS, seconds=seconds, problems=problems, waived=waived)
