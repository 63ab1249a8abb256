"""The gates: `python -m ci run` in a checkout, `python -m playhall.ci run --plugin NAME` in a plugin's repository.

Exit 0 when all hold, 1 when one failed, 2 when one could not run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import baseline, junit, pages, report
from .config import ConfigError
from .gate import CouldNotRun, Gate, Tier, Verdict
from .gates import BY_ID, GATES, chosen
from .running import run
from .scope import HOME, Scope, reports
from .seeds import SEEDS
from .tools import coverage


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit code."""
    parser = _parser()
    arguments, further = parser.parse_known_args(argv)
    arguments.further = further
    if further and arguments.action is not _selftest:
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    nightly = getattr(arguments, "tier", None) is Tier.NIGHTLY
    scope = Scope(Path.cwd().resolve(), getattr(arguments, "plugin", None), nightly)
    try:
        return int(arguments.action(scope, arguments))
    except (ConfigError, CouldNotRun) as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__, formatter_class=form)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="say which gates there are").set_defaults(action=_list)
    runs = actions.add_parser("run", help="run these gates, or those that a change must pass")
    runs.add_argument("gates", nargs="*", metavar="GATE", choices=[[], *BY_ID])
    tier = runs.add_mutually_exclusive_group()
    tier.add_argument("--fast", dest="tier", action="store_const", const=Tier.FAST, default=Tier.CHANGE, help="seconds, no database")
    tier.add_argument("--nightly", dest="tier", action="store_const", const=Tier.NIGHTLY, help="all of them")
    runs.add_argument("--plugin", metavar="NAME", help="judge this installed plugin; the working directory is its repository")
    runs.set_defaults(action=_run)
    actions.add_parser("report", help="say again what the last run said").set_defaults(action=_report)
    bars = actions.add_parser("baseline", help="say how far each plugin is above its bars, as the last run measured them")
    bars.add_argument("--raise", dest="higher", action="store_true", help="raise the bars to what was measured; none is lowered")
    bars.set_defaults(action=_baseline)
    proves = "prove that each gate can fail: every seeded defect turns its gate red; further arguments go to pytest: -k stairway"
    tested = actions.add_parser("selftest", help=proves)
    tested.set_defaults(action=_selftest)
    return parser


def _list(_scope: Scope, _arguments: argparse.Namespace) -> int:
    for gate in GATES:
        print(f"{gate.id:18}{gate.tier.value:10}{gate.proves}{_needs(gate)}")
    return 0


def _needs(gate: Gate) -> str:
    return f"  [needs {', '.join(need.value for need in gate.needs)}]" if gate.needs else ""


def _run(scope: Scope, arguments: argparse.Namespace) -> int:
    verdicts = []
    for verdict in run(chosen(arguments.gates, arguments.tier), scope, lambda said: print(said, flush=True)):
        print(report.line(verdict), flush=True)
        verdicts.append(verdict)
    junit.write(verdicts, _written(scope))
    return _conclude(scope, verdicts, strict=bool(arguments.gates) or "CI" in os.environ)


def _report(scope: Scope, _arguments: argparse.Namespace) -> int:
    if not _written(scope).exists():
        raise ConfigError(f"there is no report yet; run: python -m {__package__} run")
    verdicts = junit.read(_written(scope))
    for verdict in verdicts:
        print(report.line(verdict))
    return _conclude(scope, verdicts, strict="CI" in os.environ)


def _baseline(scope: Scope, arguments: argparse.Namespace) -> int:
    measured = {"total": coverage.percent(coverage.measured(scope).values()), **coverage.by_plugin(scope)}
    text = baseline.here(scope)
    old = baseline.bars(text, baseline.COVERAGE)
    for name, value in measured.items():
        print(f"{name:18}{value:6.1f} %   bar {old.get(name, baseline.FIRST[baseline.COVERAGE]):.1f} %")
    if arguments.higher:
        file = scope.root / scope.config.baseline
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(baseline.raised(text, baseline.COVERAGE, measured))
        print(f"{scope.relative(file)} was written; commit it")
    return 0


def _selftest(scope: Scope, arguments: argparse.Namespace) -> int:
    seeds = HOME / "seeds"
    command = [sys.executable, "-m", "pytest", "-c", HOME / "checks" / "pytest.ini", "-n", "2", "-v", seeds, *arguments.further]
    code = subprocess.run(command, cwd=scope.root, check=False).returncode  # noqa: S603
    if code == 0 and not arguments.further and (HOME.parent / pages.PAGE.parent).is_dir():
        print(f"{pages.write(GATES, SEEDS)} was written: each seed was caught")
    return code


def _conclude(scope: Scope, verdicts: Sequence[Verdict], *, strict: bool) -> int:
    report.write(verdicts, reports(scope))
    if "GITHUB_ACTIONS" in os.environ:
        print("\n".join(report.commands(verdicts)))
    print(report.summary(verdicts))
    return report.code(verdicts, strict=strict)


def _written(scope: Scope) -> Path:
    return reports(scope) / "junit.xml"


if __name__ == "__main__":
    sys.exit(main())
