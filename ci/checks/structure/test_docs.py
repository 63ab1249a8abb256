"""The documents say what the code says, and their code could run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.core.operating import quality

from ...gate import Need
from ...gates import GATES
from ...problems import Problem
from ...scope import Scope
from ..conftest import Judge
from . import examples, facts

GATE = "docs"
PARTS = ("install", "configure", "remove")

_WHY = "Who uses it reads the documents, not the code"


def test_docs(scope: Scope, judge: Judge) -> None:
    """Names, README, QUALITY.md, and examples."""
    judge([*unnamed(scope), *broken(scope), *(found for one in (readme, table) if scope.only for found in one(scope))])


def pages(scope: Scope) -> list[Path]:
    """The documents of the project."""
    return [page for page in (scope.root / "README.md", *sorted((scope.root / "docs").rglob("*.md"))) if page.exists()]


def unnamed(scope: Scope) -> Iterator[Problem]:
    """Every setting, error code and event that no document names."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages(scope))
    for fact in facts.of(scope):
        if not fact.is_in(text):
            what = f"no document names the {fact.kind} {fact.name}"
            yield Problem(gate=GATE, where=fact.where, subject=fact.name, what=what, why=_WHY, do=_naming(fact, scope))


def broken(scope: Scope) -> Iterator[Problem]:
    """Every example that could not run."""
    commands = examples.commands()
    packages = {"playhall", *(folder.name for folder in scope.sources.values() if scope.only)}
    for page in pages(scope):
        for line, what in examples.problems(page.read_text(encoding="utf-8"), packages, commands):
            where = f"{scope.relative(page)}:{line}"
            yield Problem(gate=GATE, where=where, what=what, why="Who copies it is stopped by it", do="correct the example")


def readme(scope: Scope) -> Iterator[Problem]:
    """The headings that a plugin's README lacks."""
    file = scope.root / "README.md"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    headings = " ".join(line for line in lines if line.startswith("#")).lower()
    for part in PARTS:
        if part not in headings:
            do = f"write a section '## {part.capitalize()}' with the commands"
            yield Problem(gate=GATE, where="README.md:1", subject=part, what=f"it has no heading with the word {part}", why=_WHY, do=do)


def table(scope: Scope) -> Iterator[Problem]:
    """What is wrong with the table of rules in QUALITY.md."""
    rules = quality.rules(scope.root)
    known = {gate.id: gate for gate in GATES if Need.CHECKOUT not in gate.needs}
    why = "It is where an operator sees which rules hold"
    for name in sorted(known.keys() - rules.keys()):
        what, do = f"it does not name the rule {name} ({known[name].proves})", f"add the row: | {name} | {quality.PROVEN} |"
        yield Problem(gate=GATE, where=f"{quality.FILE}:1", subject=name, what=what, why=why, do=do)
    for name, (line, state) in rules.items():
        if name not in known:
            yield _row(line, name, f"{name} is no rule", "take the row out; python -m playhall.ci list says which there are")
        elif state != quality.PROVEN and not quality.reason(state):
            do = f"write {quality.PROVEN}, or {quality.EXEMPT}: and the reason"
            yield _row(line, name, f"{name} is {state or 'nothing'}, which is neither proven nor exempt for a reason", do)


def _row(line: int, name: str, what: str, do: str) -> Problem:
    return Problem(
        gate=GATE, where=f"{quality.FILE}:{line}", subject=name, what=what, why="It is where an operator sees which rules hold", do=do
    )


def _naming(fact: facts.Fact, scope: Scope) -> str:
    if scope.only:
        return f"name it in README.md, and say {fact.to_say}"
    return "flask docs write" if fact.kind != "event" else f"name it in a page of docs/, and say {fact.to_say}"
