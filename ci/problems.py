"""A problem is one line: which gate, where, what is wrong, why it matters, what to do. A waiver lets a known one pass for a while."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a gate found. None of the sentences ends with a full stop."""

    gate: str
    where: str  # "file:line", or what it is about, such as "POST /api/v1/shop/orders"
    what: str
    why: str
    do: str  # a command or an edit
    subject: str = ""  # what a waiver names; the file or thing in `where` unless it is finer than that

    def __str__(self) -> str:
        return " ".join(f"{self.gate} {self.where}: {self.what}. {self.why}. Do: {self.do}".split())

    @property
    def waived_as(self) -> str:
        """The object that a waiver has to name."""
        return self.subject or self.file or self.where

    @property
    def file(self) -> str:
        """The file it is in; empty when it is in none."""
        path, _, line = self.where.rpartition(":")
        return path if line.isdigit() else ""

    @property
    def line(self) -> int:
        """The line of the file; 1 when it is in none."""
        return int(self.where.rpartition(":")[2]) if self.file else 1

    def encode(self) -> str:
        """As it travels inside JUnit XML."""
        return json.dumps(asdict(self), ensure_ascii=False)


def decode(text: str) -> Problem:
    """What `encode` wrote."""
    return Problem(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One object that one gate lets pass until the end of a day, for a written reason."""

    gate: str
    object: str
    reason: str
    expires: date

    def covers(self, problem: Problem) -> bool:
        """Whether it is about this problem, expired or not."""
        return (self.gate, self.object) == (problem.gate, problem.waived_as)


@dataclass(frozen=True, slots=True)
class Judged:
    """Problems after the waivers: those that count, and those that are let pass with their waiver's reason."""

    red: tuple[Problem, ...]
    waived: tuple[tuple[Problem, str], ...]


def judge(problems: Iterable[Problem], waivers: Sequence[Waiver], today: date) -> Judged:
    """Sort problems by the waivers. An expired waiver counts as its problem does, and says that it expired."""
    red: list[Problem] = []
    waived: list[tuple[Problem, str]] = []
    for problem in problems:
        waiver = next((one for one in waivers if one.covers(problem)), None)
        if waiver is None:
            red.append(problem)
        elif waiver.expires < today:
            red.append(_expired(problem, waiver))
        else:
            waived.append((problem, f"{waiver.reason} (until {waiver.expires})"))
    return Judged(tuple(red), tuple(waived))


def _expired(problem: Problem, waiver: Waiver) -> Problem:
    fields = asdict(problem)
    fields["what"] = f"{problem.what} (its waiver expired on {waiver.expires}: {waiver.reason})"
    return Problem(**fields)
