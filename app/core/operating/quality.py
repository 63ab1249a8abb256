"""QUALITY.md of a plugin: for each rule `proven`, or `exempt: ` with the reason."""

from __future__ import annotations

import re
from pathlib import Path

FILE = "QUALITY.md"
PROVEN, EXEMPT = "proven", "exempt"

_ROW = re.compile(r"^\| *`?(?P<rule>[a-z][a-z-]*)`? *\| *(?P<state>.*?) *\|$", re.MULTILINE)
_HEAD = ("rule", "gate")  # what the table may call its first column


def rules(folder: Path) -> dict[str, tuple[int, str]]:
    """Each rule of the table with its line and what stands beside it; none without a file."""
    file = folder / FILE
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found = _ROW.finditer(text)
    return {row["rule"]: (text.count("\n", 0, row.start()) + 1, row["state"]) for row in found if row["rule"] not in _HEAD}


def reason(state: str) -> str | None:
    """Why a rule is exempt; None when it is not, empty when no reason is given."""
    word, _, said = state.partition(":")
    return said.strip() if word.strip() == EXEMPT else None
