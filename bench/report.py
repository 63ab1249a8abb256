"""From figures to a table of ratios, and to what was missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One part in one round: requests or transactions a second, and microseconds of the workers' CPU for each."""

    rate: float
    cpu: float | None = None  # of a database nobody asks


Round = dict[str, Figure]  # by part

TITLES = {
    "bare": "bare Flask route",
    "nothing": "GET, signed in, reads nothing",
    "row": "GET, signed in, reads a row",
    "write": "POST, idempotent, writes 3 rows",
    "pgbench read": "pgbench, the same read",
    "pgbench write": "pgbench, the same writes",
}
LIMITS = {"row": "pgbench read", "write": "pgbench write"}


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median over the rounds, each against its own round, with the smallest and the largest."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        spread = f" ({min(self.values):.2f}-{max(self.values):.2f})" if len(self.values) > 1 else ""
        return f"{self.median:.2f}{spread}"


@dataclass(frozen=True, slots=True)
class Aim:
    """What was designed for."""

    sentence: str
    ratio: Callable[[Sequence[Round]], Ratio]
    most: float | None = None
    least: float | None = None

    def missed(self, rounds: Sequence[Round]) -> str | None:
        """By how much; None when it is met."""
        found = self.ratio(rounds).median
        if self.most is not None and found > self.most:
            return f"missed: {self.sentence}: at most {self.most}, measured {found:.2f}"
        if self.least is not None and found < self.least:
            return f"missed: {self.sentence}: at least {self.least}, measured {found:.2f}"
        return None


def to_bare(part: str) -> Callable[[Sequence[Round]], Ratio]:
    """CPU of a request over that of the bare route."""
    return lambda rounds: Ratio(tuple((one[part].cpu or 0) / (one["bare"].cpu or 1) for one in rounds))


def to_limit(part: str) -> Callable[[Sequence[Round]], Ratio]:
    """Rate over PostgreSQL's own."""
    return lambda rounds: Ratio(tuple(one[part].rate / one[LIMITS[part]].rate for one in rounds))


AIMS = (
    Aim("CPU of a signed-in GET that reads nothing, over a bare Flask route's", to_bare("nothing"), most=3),
    Aim("rate of an idempotent POST that writes 3 rows, over pgbench's", to_limit("write"), least=0.25),
)


def table(rounds: Sequence[Round]) -> str:
    """All parts, one line each, as a table in Markdown."""
    head = ["", "per second", "CPU of the workers, µs each", "CPU, bare route = 1", "rate, pgbench = 1"]
    rows = [head, ["---"] * len(head), *(_row(part, rounds) for part in TITLES)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows)


def _row(part: str, rounds: Sequence[Round]) -> list[str]:
    cpu = [one[part].cpu for one in rounds]
    known = [value for value in cpu if value is not None]
    return [
        TITLES[part],
        f"{median(one[part].rate for one in rounds):,.0f}",
        f"{median(known):.0f}" if known else "",
        str(to_bare(part)(rounds)) if known else "",
        str(to_limit(part)(rounds)) if part in LIMITS else "",
    ]
