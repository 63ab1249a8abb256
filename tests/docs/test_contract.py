"""The page on the contract names every field and every public name, and none that is not there."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import playhall
from app.core.plugin import API_VERSION, Job, Permission, Plugin, Subscription

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "plugins" / "contract.md").read_text()


def first_cells(heading: str) -> set[str]:
    """The names in the first column of the table under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = (line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize("part", [Plugin, Permission, Job, Subscription])
def test_every_field_is_explained(part: type) -> None:
    """No field without a line, no line without a field."""
    assert first_cells(part.__name__) == {field.name for field in dataclasses.fields(part)}


def test_every_kind_of_table_is_explained() -> None:
    """The kinds on the page are the kinds there are."""
    assert first_cells("Kinds of table") == set(playhall.Kind)


def test_every_name_of_the_door_is_explained() -> None:
    """What a plugin may import is what the page says, and each name is really there."""
    assert first_cells("The door") == set(playhall.__all__)
    assert all(hasattr(playhall, name) for name in playhall.__all__)


def test_version_of_the_contract() -> None:
    """The page is of this version."""
    assert PAGE.startswith(f"# The plugin contract, version {API_VERSION}\n")
