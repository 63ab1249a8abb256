"""What a climb finds in a revision: what kind of defect it is, where, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from alembic.script import Script


class Kind(Enum):
    """What is not as it must be."""

    FAILED = "a revision does not run"
    SCHEMA = "a round trip leaves another schema"
    ROWS = "rows are lost, or stand in the way"
    BLIND = "a table without rows proves nothing about rows"
    LOCKS = "others would have to wait"
    OWNERSHIP = "something of another's is touched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One defect of one revision. Neither sentence ends with a full stop."""

    kind: Kind
    revision: str
    where: str  # file:line
    what: str
    do: str  # an edit or a command

    def __str__(self) -> str:
        return f"{self.revision}: {self.what}; {self.do}"


def place(script: Script, function: str = "upgrade") -> str:
    """The file and the line at which a function of a revision begins."""
    lines = Path(script.path).read_text(encoding="utf-8").splitlines()
    found = (number for number, line in enumerate(lines, 1) if re.match(rf"def {function}\b", line))
    return f"{script.path}:{next(found, 1)}"
