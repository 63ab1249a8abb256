"""detect-secrets: no key or password in what a change adds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

from ..gate import CouldNotRun, Done
from ..problems import Problem
from ..scope import Scope

GATE = "secrets"

# Long and full of digits, and nothing secret: hashes of packages, and the document of the API.
_NOT_READ = r"^(requirements/.*\.txt|.*openapi\.json)$"


def argv(scope: Scope) -> list[str]:
    """The files that a change touched; all that git tracks where there is nothing to compare with."""
    files = scope.history.changed() if scope.history else _tracked(scope)
    return ["detect-secrets", "scan", "--no-verify", "--all-files", "--exclude-files", _NOT_READ, *sorted(map(str, files))]


def problems(_scope: Scope, done: Done) -> Iterator[Problem]:
    """What looks like a secret."""
    if done.code:
        raise CouldNotRun(f"detect-secrets ended with {done.code}: {done.err.strip()[-300:]}")
    for file, found in sorted(json.loads(done.out)["results"].items()):
        for one in found:
            yield Problem(
                gate=GATE,
                where=f"{file}:{one['line_number']}",
                what=f"this looks like a secret ({one['type']})",
                why="What was pushed once is known; deleting the line does not take it back",
                do="revoke it first, then read it from a setting; if it is none, write '# pragma: allowlist secret' behind it",
            )


def _tracked(scope: Scope) -> list[str]:
    done = subprocess.run(["git", "-C", scope.root, "ls-files"], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise CouldNotRun("there is no git history that says which files are the project's")
    return done.stdout.splitlines()
