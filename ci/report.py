"""What a run said, for people and for machines: a table, one line for each problem, GitHub's annotations, Markdown and JSON."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from .gate import State, Verdict


def code(verdicts: Sequence[Verdict], *, strict: bool) -> int:
    """0 when all hold, 1 when one failed, 2 when one could not run; `strict` takes what was left out for what could not run."""
    states = {verdict.state for verdict in verdicts}
    if State.FAILED in states:
        return 1
    return 2 if State.NOT_RUN in states or (strict and State.LEFT_OUT in states) else 0


def line(verdict: Verdict) -> str:
    """One gate's line, with its problems below it."""
    said = f"{verdict.gate:18} {verdict.state.value}" + (f": {verdict.reason}" if verdict.reason else f" ({verdict.seconds:.1f} s)")
    waived = [f"  waived: {problem} [{reason}]" for problem, reason in verdict.waived]
    return "\n".join([said, *(f"  {problem}" for problem in verdict.problems), *waived])


def summary(verdicts: Sequence[Verdict]) -> str:
    """The last line."""
    counts = Counter(verdict.state for verdict in verdicts)
    return ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])


def write(verdicts: Sequence[Verdict], folder: Path) -> None:
    """Leave summary.json and summary.md; on GitHub, the job's summary as well."""
    (folder / "summary.json").write_text(json.dumps([_plain(verdict) for verdict in verdicts], indent=2, ensure_ascii=False) + "\n")
    (folder / "summary.md").write_text(markdown(verdicts))
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a") as file:
            file.write(markdown(verdicts))


def markdown(verdicts: Sequence[Verdict]) -> str:
    """The table and the problems, for a page."""
    rows = [f"| `{one.gate}` | {one.state.value} | {one.seconds:.1f} s | {one.reason or len(one.problems) or ''} |" for one in verdicts]
    found = [f"- {problem}" for one in verdicts for problem in one.problems]
    lines = ["## Gates", "", summary(verdicts), "", "| gate | state | took | problems |", "|---|---|---|---|", *rows, "", *found]
    return "\n".join(lines).rstrip() + "\n"


def commands(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """One workflow command for each problem: GitHub shows it beside the line."""
    for verdict in verdicts:
        for problem in verdict.problems:
            place = f"file={_escaped(problem.file)},line={problem.line}," if problem.file else ""
            yield f"::error {place}title={problem.gate}::{_escaped(str(problem))}"
        if verdict.state is State.NOT_RUN:
            yield f"::error title={verdict.gate}::{_escaped(f'could not run: {verdict.reason}')}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _plain(verdict: Verdict) -> dict[str, object]:
    return {
        "gate": verdict.gate,
        "state": verdict.state.value,
        "seconds": round(verdict.seconds, 2),
        "reason": verdict.reason,
        "problems": [{**asdict(problem), "line": str(problem)} for problem in verdict.problems],
        "waived": [{**asdict(problem), "reason": reason} for problem, reason in verdict.waived],
    }
