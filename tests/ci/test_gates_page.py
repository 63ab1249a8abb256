"""docs/gates.md names the gates and seeds that there are; `selftest` writes it, and only when all seeds were caught."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ci import __main__ as program
from ci import config, pages
from ci.gates import GATES
from ci.seeds import SEEDS

ROOT = Path(__file__).resolve().parents[2]
SAID = (ROOT / pages.PAGE).read_text()


def cells(heading: str) -> list[list[str]]:
    """The rows of the table under a heading that begins so."""
    section = re.split(rf"\n## The \d+ {heading}\n", SAID)[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.split(" | ")] for line in section.splitlines() if line.startswith("| `")]


def test_every_gate_and_every_seed_is_on_the_page() -> None:
    """And none that is gone. When this fails: python -m ci selftest."""
    assert [row[0].strip("| `") for row in cells("gates")] == [gate.id for gate in GATES], "run: python -m ci selftest"
    assert [(row[0].strip("| `"), row[1].removesuffix(" |")) for row in cells("seeds")] == [(seed.gate, seed.name) for seed in SEEDS], (
        "run: python -m ci selftest"
    )


def test_every_gate_says_how_it_proves_it() -> None:
    """A sentence each."""
    assert [row for row in cells("gates") if len(row) != 5 or not all(cell.strip("| ") for cell in row)] == []


def test_every_key_of_the_configuration_is_explained() -> None:
    """The page and the module agree on the sections."""
    assert {f"`[{name}]`" for name in ("ci", "ci:plugin:NAME", "ci:waiver:ANY")} <= set(re.findall(r"`\[.*?\]`", SAID))
    keys = re.findall(r"^(\w+) =", config.__doc__ or "", re.MULTILINE)
    assert keys
    assert [key for key in keys if f"`{key}`" not in SAID] == []


def test_two_plain_tables_have_no_cell_too_many() -> None:
    """A bar in a text stays in its cell."""
    gate = SimpleNamespace(id="x", proves="a | b", tier=GATES[0].tier, needs=(), by=GATES[0].by)
    assert "| `x` | a \\| b | " in pages.page([gate], [])  # type: ignore[list-item]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """How often the page is written."""
    found: list[object] = []
    monkeypatch.setattr(pages, "write", lambda *given: found.append(given) or pages.PAGE)
    return found


@pytest.mark.parametrize(("arguments", "code", "times"), [([], 0, 1), ([], 1, 0), (["-k", "lint"], 0, 0)])
def test_page_is_written_after_all_were_caught(
    arguments: Sequence[str], code: int, times: int, written: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when one was missed, and not when only some were sown."""
    commands: list[Sequence[Any]] = []

    def run(command: Sequence[Any], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess([], code)

    monkeypatch.setattr(subprocess, "run", run)
    assert program.main(["selftest", *arguments]) == code
    assert len(written) == times
    assert commands[0][-len(arguments) :] == arguments or not arguments


def test_other_actions_take_no_further_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing mistake must not be passed over."""
    with pytest.raises(SystemExit) as ended:
        program.main(["list", "--fats"])
    assert ended.value.code == 2
    assert "--fats" in capsys.readouterr().err
