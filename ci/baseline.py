"""The bars that a change must not lower: one number per plugin, read as they are at the merge base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from configparser import ConfigParser

from .problems import Problem
from .scope import Scope

TOLERANCE = 0.05  # percent points: a number is rounded

COVERAGE, MUTATION = "coverage", "mutation"  # sections of the file
FIRST = {COVERAGE: 95.0, MUTATION: 70.0}  # percent: the bar of a plugin that has none yet


def bars(text: str | None, section: str) -> dict[str, float]:
    """The numbers of one section of a baseline file; none when there is no file."""
    parser = ConfigParser()
    parser.read_string(text or "")
    return {name: float(value) for name, value in parser[section].items()} if section in parser else {}


def here(scope: Scope) -> str | None:
    """The baseline file as it is in the working directory."""
    file = scope.root / scope.config.baseline
    return file.read_text() if file.exists() else None


def at_base(scope: Scope) -> str | None:
    """The baseline file as it was at the merge base; None where there is none."""
    return scope.history.before(scope.config.baseline) if scope.history else None


def problems(scope: Scope, gate: str, section: str, measured: Mapping[str, float]) -> Iterator[Problem]:
    """What is below its bar, and every bar that was lowered. Only what was measured is judged."""
    before, now = bars(at_base(scope), section), bars(here(scope), section)
    where = f"{scope.config.baseline}:1"
    for name, value in measured.items():
        bar = before.get(name, now.get(name, FIRST[section]))
        if value < bar - TOLERANCE:
            yield Problem(
                gate=gate,
                where=where,
                subject=name,
                what=f"{section} of {name} is {value:.1f} %, below its bar of {bar:.1f} %",
                why="What is not tested breaks without a sound",
                do="add tests; build/gates/coverage.json lists what is not covered"
                if section == COVERAGE
                else "mutmut show NAME shows what no test noticed",
            )
        if name in before and now.get(name, 0.0) < before[name] - TOLERANCE:
            yield Problem(
                gate=gate,
                where=where,
                subject=name,
                what=f"the bar of {name} was lowered from {before[name]:.1f} to {now.get(name, 0.0):.1f}",
                why="A change must not lower its own bar",
                do=f"put {name} = {before[name]:.1f} back into [{section}], or write a waiver with a reason and a date",
            )


def raised(text: str | None, section: str, measured: Mapping[str, float]) -> str:
    """The file with every bar raised to what was measured; none is lowered."""
    parser = ConfigParser()
    parser.read_string(text or "")
    old = bars(text, section)
    parser[section] = {name: f"{max(old.get(name, 0.0), measured.get(name, 0.0)):.1f}" for name in sorted({*old, *measured})}
    return (
        "\n\n".join(f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in parser[name].items()) for name in parser.sections())
        + "\n"
    )
