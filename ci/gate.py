"""What a gate is: a tool with its arguments and a converter, or a pytest module; and what it says after it ran."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from .problems import Problem
from .scope import HOME, Scope


class Tier(Enum):
    """When a gate runs unless it is named."""

    FAST = "fast"  # before each commit: seconds, no database
    CHANGE = "change"  # for each change that is to land
    NIGHTLY = "nightly"


class Need(Enum):
    """What a gate cannot run without."""

    DATABASE = "PostgreSQL and Redis"
    HISTORY = "git history with a merge base"
    RELEASE = "release tag in the git history"
    CHECKOUT = "checkout of Playhall itself"


class CouldNotRun(Exception):
    """There is no verdict; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a tool left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A program installed beside this Python. Gates with the same arguments share one run of it."""

    argv: Callable[[Scope], Sequence[str]]
    problems: Callable[[Scope, Done], Iterable[Problem]]  # the converter; raises CouldNotRun when what was left is no verdict
    talks: bool = False  # its output is progress that a person wants to see


@dataclass(frozen=True, slots=True)
class Check:
    """A pytest module of this package. All that were chosen run in one session."""

    module: str  # below checks/

    @property
    def path(self) -> Path:
        """Where it is."""
        return HOME / "checks" / self.module


@dataclass(frozen=True, slots=True)
class Gate:
    """One check that must hold before code lands."""

    id: str
    proves: str
    tier: Tier
    by: Tool | Check
    needs: tuple[Need, ...] = ()
    after: tuple[str, ...] = ()  # gates whose results it reads


class State(Enum):
    """How a gate ended."""

    HOLDS = "holds"
    FAILED = "failed"
    NOT_RUN = "could not run"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate said."""

    gate: str
    state: State
    seconds: float = 0.0
    problems: tuple[Problem, ...] = ()
    waived: tuple[tuple[Problem, str], ...] = ()
    reason: str = ""  # why it was left out or could not run
