"""A seeded defect: a sound plugin, changed so that one gate must turn red."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Edit = str | tuple[str, str] | None  # a file's whole new text; what occurs once and what takes its place; or gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What is changed in the plugin that `flask plugin new seedling` writes, and what the gate has to say about it."""

    gate: str
    name: str  # the defect in a few words
    says: str  # words of the gate's line
    edits: Mapping[str, Edit] = field(default_factory=dict)  # path in the distribution -> edit
    before: Mapping[str, Edit] = field(default_factory=dict)  # the same, made before the base is committed and released

    def __str__(self) -> str:
        return f"{self.gate}: {self.name}"


def apply(edits: Mapping[str, Edit], folder: Path) -> None:
    """Make the edits in a folder; AssertionError when one does not fit the plugin any more."""
    for path, edit in edits.items():
        file = folder / path
        if edit is None:
            file.unlink()
        elif isinstance(edit, str):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(edit, encoding="utf-8")
        else:
            old, new = edit
            text = file.read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times; the seed must be written anew"
            file.write_text(text.replace(old, new), encoding="utf-8")
