"""import-linter: no package reaches into another's inside."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from ..gate import CouldNotRun, Done
from ..problems import Problem
from ..scope import Scope, reports

GATE = "boundaries"

# For a plugin in its own repository; in the checkout the contracts are in setup.cfg.
_CONTRACT = """[importlinter]
root_packages =
    {package}
    app
    playhall
exclude_type_checking_imports = True

[importlinter:contract:door]
name = a plugin imports playhall, app.economy.api and the api of what it requires
type = forbidden
source_modules =
    {package}
forbidden_modules =
    {forbidden}
allow_indirect_imports = True
"""

_BROKEN = re.compile(r"(?P<importer>[\w.]+) -> (?P<imported>[\w.]+) \(l\.(?P<line>\d+)", re.MULTILINE)


def argv(scope: Scope) -> list[str]:
    """The contracts of setup.cfg, or the one for plugins."""
    return ["lint-imports", "--no-logo", *([f"--config={_written(scope)}"] if scope.only else [])]


def problems(scope: Scope, done: Done) -> Iterator[Problem]:
    """Every import that breaks a contract."""
    if done.code and "Contracts:" not in done.out:
        raise CouldNotRun(f"import-linter ended with {done.code}: {(done.out + done.err).strip()[-300:]}")
    for importer, imported, line in sorted(set(_BROKEN.findall(done.out))):
        yield Problem(
            gate=GATE,
            where=f"{_file(scope, importer)}:{line}",
            what=f"{importer} imports {imported}",
            why="What is inside may change with any release, and then this breaks",
            do="import playhall, app.economy.api, or the api module of a plugin that is required",
        )


def _written(scope: Scope) -> Path:
    (package,) = (folder.name for folder in scope.sources.values())
    allowed = {"app.economy.api", *(f"app.plugins.{name}.api" for plugin in scope.plugins for name in plugin.requires)}
    inside = [f"app.{room}" for room in ("core", "embedded", "scaffold")]
    for home in ("app.economy", *(f"app.plugins.{name}" for name in ("auth", "shop", "gacha", "notifications"))):
        spec = importlib.util.find_spec(home)
        assert spec is not None
        modules = {f"{home}.{path.stem}" for folder in spec.submodule_search_locations or () for path in Path(folder).glob("[a-z]*.py")}
        inside += sorted(modules - allowed)
    path = reports(scope) / "importlinter.ini"
    path.write_text(_CONTRACT.format(package=package, forbidden="\n    ".join(inside)))
    return path


def _file(scope: Scope, module: str) -> str:
    spec = importlib.util.find_spec(module)
    return scope.relative(spec.origin) if spec and spec.origin else module
