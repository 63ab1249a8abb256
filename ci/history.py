"""What git remembers: where a change branched off, what it touched, and what was there before."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class History:
    """A checkout with a past. Paths are relative to its root."""

    root: Path
    base: str  # the commit that the change is compared with

    def changed(self) -> list[Path]:
        """The files that differ from the base, new ones included, deleted ones not; sorted."""
        differing = _git(self.root, "diff", "--relative", "--name-only", "--diff-filter=d", self.base)
        new = _git(self.root, "ls-files", "--others", "--exclude-standard")
        return sorted({Path(line) for text in (differing, new) if text for line in text.splitlines()})

    def before(self, path: Path, revision: str | None = None) -> str | None:
        """A file as it was at the base (or another revision); None when it was not there."""
        return _git(self.root, "show", f"{revision or self.base}:./{path.as_posix()}")

    def files(self, revision: str, folder: Path) -> list[Path]:
        """The files under a folder as they were at a revision."""
        listed = _git(self.root, "ls-tree", "-r", "--name-only", revision, "--", f"{folder.as_posix()}/")
        return [Path(line) for line in (listed or "").splitlines()]

    @contextlib.contextmanager
    def worktree(self) -> Iterator[Path]:
        """The checkout as it was at the base, in a folder that is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="playhall-base-") as folder:
            home = _line(self.root, "rev-parse", "--show-toplevel")
            inside = self.root.resolve().relative_to(Path(home).resolve())
            _git(self.root, "worktree", "add", "--detach", "--quiet", f"{folder}/base", self.base)
            try:
                yield Path(folder) / "base" / inside
            finally:
                _git(self.root, "worktree", "remove", "--force", f"{folder}/base")

    def release(self) -> str | None:
        """The newest release tag (v...) that is part of the base; None before the first release."""
        return _line(self.root, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", self.base) or None


def history(root: Path, branch: str) -> History | None:
    """The past of the checkout at `root`, seen from `branch` (a pull request's base branch goes first); None where there is none.

    On the branch itself a change is compared with the commit before it.
    """
    if base := os.environ.get("GITHUB_BASE_REF"):
        branch = f"origin/{base}"
    # A clone that was never pushed has the branch, and nothing under origin/.
    fork = _line(root, "merge-base", branch, "HEAD") or _line(root, "merge-base", branch.rpartition("/")[2], "HEAD")
    if fork and fork == _line(root, "rev-parse", "HEAD") and not _line(root, "status", "--porcelain"):
        fork = _line(root, "rev-parse", "--verify", "--quiet", "HEAD^1")
    return History(root, fork) if fork else None


def nothing_before(root: Path) -> bool:
    """Whether this is the first commit of a history that is here as a whole."""
    return _line(root, "rev-list", "--count", "HEAD") == "1" and not shallow(root)


def shallow(root: Path) -> bool:
    """Whether git was not given the whole history, tags included."""
    return _line(root, "rev-parse", "--is-shallow-repository") != "false"


def _line(root: Path, *arguments: str) -> str:
    return (_git(root, *arguments) or "").strip()


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
