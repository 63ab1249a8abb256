"""The table of gates. Each is a tool with its arguments; the tool's own exit code and messages are the verdict."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Gate:
    """One check: its id, what it proves, and the tool and arguments that run it from the root of a checkout."""

    id: str
    proves: str
    argv: tuple[str, ...]

    @property
    def tool(self) -> Path:
        """The tool as it is installed beside this Python."""
        return Path(sys.executable).with_name(self.argv[0])


GATES = (
    Gate("lint", "the code is free of known mistakes", ("ruff", "check", "--quiet", ".")),
    Gate("format", "the code is laid out as ruff lays it out", ("ruff", "format", "--check", "--quiet", ".")),
    Gate("types", "every type holds, strictly", ("mypy", "--no-error-summary")),
    Gate("boundaries", "no package reaches into another's inside", ("lint-imports",)),
)
