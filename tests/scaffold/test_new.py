"""`flask plugin new` writes a plugin, or says why not and leaves everything as it was."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.core.cli import plugin
from app.scaffold.writing import SEEDLING, name_problem, rendered
from ci.gate import Need
from ci.gates import GATES

ROOT = Path(__file__).resolve().parents[2]
LONGEST = "a" * 30


def new(*arguments: str) -> Result:
    """Run the command; no application is there."""
    return CliRunner().invoke(plugin, ["new", *arguments])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_writes_a_distribution_of_that_name(tmp_path: Path) -> None:
    """Everything that a third party needs, and its revision is of today."""
    days = {f"{datetime.now(UTC):%Y%m%d}"}
    assert new("fair").exit_code == 0
    days.add(f"{datetime.now(UTC):%Y%m%d}")
    written = files(tmp_path / "playhall-fair")
    assert len(written) == len(list(rendered("fair")))
    assert written > {
        ".github/workflows/gates.yml",
        ".gitignore",
        "QUALITY.md",
        "README.md",
        "pyproject.toml",
        "setup.cfg",
        "src/playhall_fair/__init__.py",
        "src/playhall_fair/migrations/HEAD",
    }
    assert "LICENSE" not in written
    (revision,) = (tmp_path / "playhall-fair/src/playhall_fair/migrations").glob("fair_*.py")
    assert revision.stem in {f"fair_{day}_1_tickets" for day in days}
    assert revision.stem.startswith((revision.parent / "HEAD").read_text().strip())


def test_nothing_of_the_template_s_own_name_is_left() -> None:
    """In no spelling, in no file and no path."""
    left = [str(path) for path, text in rendered("fair") if re.search("seedling", f"{path}{text}", re.IGNORECASE)]
    assert left == []


def test_it_says_what_to_do_next() -> None:
    """Three commands."""
    assert new("fair").output.splitlines() == [
        "playhall-fair is a plugin. Next:",
        "  cd playhall-fair",
        "  pip install -e '.[test]'",
        "  python -m playhall.ci run --plugin fair",
    ]


def test_it_writes_where_it_is_told(tmp_path: Path) -> None:
    """An empty folder is as good as none."""
    (tmp_path / "my own").mkdir()
    done = new("fair", "--into", "my own")
    assert (done.exit_code, done.output.splitlines()[1]) == (0, "  cd 'my own'")
    assert "setup.cfg" in files(tmp_path / "my own")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "Fair-Play",
            "'Fair-Play' is no name for a plugin: choose 2 to 30 small letters and digits, a letter first, for example 'fairplay'",
        ),
        ("9", "for example 'loot'"),
        (LONGEST + "a", f"for example '{LONGEST}'"),
        ("core", "'core' is reserved for the core; choose another name"),
        ("limits", "'limits' is reserved for the core; choose another name"),
        ("shop", "'shop' is taken by app.plugins.shop:plugin, which is installed; choose another name, or uninstall that one"),
        ("economy", "'economy' is taken by app.economy:plugin"),
    ],
)
def test_a_name_that_cannot_be_is_refused(name: str, says: str, tmp_path: Path) -> None:
    """With what to choose instead, and nothing is written."""
    done = new(name)
    assert done.exit_code == 1
    assert says in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """Nobody's work is written over."""
    mine = tmp_path / "playhall-fair" / "setup.cfg"
    mine.parent.mkdir()
    mine.write_text("mine")
    done = new("fair")
    assert (done.exit_code, mine.read_text()) == (1, "mine")
    assert "playhall-fair is there and not empty; move it away, or name another folder with --into" in done.output


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    """Likewise."""
    (tmp_path / "playhall-fair").write_text("mine")
    assert "playhall-fair is there and no folder; move it away" in new("fair").output


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """For whatever reason."""
    (tmp_path / "file").write_text("mine")
    done = new("fair", "--into", "file/inside")
    assert done.exit_code == 1
    assert "cannot be written: Not a directory; name another folder with --into" in done.output


def test_it_needs_no_application(tmp_path: Path) -> None:
    """Neither one that boots, nor one at all."""
    command = [sys.executable, "-m", "flask", "--app", "nothing", "plugin", "new", "fair"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "playhall-fair" / "setup.cfg").exists()


@pytest.mark.parametrize("name", ["ab", "fair", LONGEST])
def test_what_it_writes_is_as_ruff_wants_it(name: str, tmp_path: Path) -> None:
    """Under Playhall's own rules, however long the name is."""
    assert name_problem(name) is None
    assert new(name, "--into", "plugin").exit_code == 0
    for action in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *action, "."], cwd=tmp_path / "plugin", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_its_rules_are_playhall_s() -> None:
    """So that an author's editor says what the gate says."""
    own = tomllib.loads((SEEDLING / "pyproject.toml").read_text())["tool"]["ruff"]
    assert own == tomllib.loads((ROOT / "ci" / "rules.toml").read_text())


def test_its_types_hold() -> None:
    """Strictly, in its tests as well, against what Playhall promises."""
    sources = [path for folder in ("src", "tests") for path in (SEEDLING / folder).rglob("*.py")]
    assert len(sources) > 10
    # One by one: a folder is left out where our own configuration says so.
    command = [sys.executable, "-m", "mypy", "--config-file=setup.cfg", *map(str, sources)]
    environment = {**os.environ, "MYPYPATH": str(SEEDLING / "src")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_gate_is_a_rule_of_its_quality() -> None:
    """Each that judges a plugin has its row, in a state that the page explains."""
    rows = dict(re.findall(r"(?m)^\| ([a-z0-9-]+) \| (.*) \|$", (SEEDLING / "QUALITY.md").read_text()))
    del rows["rule"]
    missing = {gate.id for gate in GATES if Need.CHECKOUT not in gate.needs} - set(rows)
    assert missing == set(), f"give each a row in {SEEDLING / 'QUALITY.md'}"
    assert set(rows.values()) == {"proven"}
