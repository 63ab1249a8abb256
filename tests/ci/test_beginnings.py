"""Where git remembers little: what is no fault of a young project, and what was only not looked at."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ci.gate import Gate, Need, State, Tier, Tool
from ci.running import run
from ci.scope import Scope


def git(folder: Path, *arguments: str) -> None:
    person = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    subprocess.run(["git", "-C", folder, *person, *arguments], check=True, capture_output=True)


@pytest.fixture
def young(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "young"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    (folder / ".gitignore").write_text("build/\n")
    git(folder, "add", "-A")
    return folder


def state(folder: Path, need: Need) -> State:
    asks = Gate("frozen", "", Tier.CHANGE, Tool(lambda _scope: ["coverage", "--version"], lambda _scope, _done: []), (need,))
    (verdict,) = run([asks], Scope(folder.resolve(), None), lambda _said: None)
    return verdict.state


def test_first_commit_has_nothing_to_compare_with(young: Path) -> None:
    """The first change of a new plugin can be green."""
    git(young, "commit", "-q", "--amend", "-m", "first")
    assert (state(young, Need.HISTORY), state(young, Need.RELEASE)) == (State.HOLDS, State.HOLDS)


def test_before_the_first_release_nothing_is_frozen(young: Path) -> None:
    """With the whole history at hand, no tag means that nothing was released."""
    git(young, "commit", "-q", "-m", "second")
    assert state(young, Need.RELEASE) is State.HOLDS


def test_part_of_a_history_says_nothing(young: Path, tmp_path: Path) -> None:
    """In a shallow clone there may be a release that is not seen."""
    git(young, "commit", "-q", "-m", "second")
    git(tmp_path, "clone", "-q", "--depth", "1", young.as_uri(), "shallow")
    assert (state(tmp_path / "shallow", Need.HISTORY), state(tmp_path / "shallow", Need.RELEASE)) == (State.LEFT_OUT, State.LEFT_OUT)


def test_without_git_nothing_was_looked_at(tmp_path: Path) -> None:
    """A folder that was unpacked from an archive."""
    assert (state(tmp_path, Need.HISTORY), state(tmp_path, Need.RELEASE)) == (State.LEFT_OUT, State.LEFT_OUT)
