"""mutmut: the code is changed in small ways, one at a time, and the tests have to notice each.

It works on a copy in build/gates/mutation: what it makes of the sources is nobody's to see.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path

from ..gate import CouldNotRun
from ..scope import CORE, Scope, reports

MINUTES = 30  # unless [ci] mutation_minutes says otherwise

_LEFT = shutil.ignore_patterns(".git", ".venv", "build", "dist", "var", "__pycache__", ".*_cache", "*.egg-info", "mutants")
_NOTICED = {1, 3, 24, -24, 36, 152, 255}  # a test failed, or the time that all tests together need was over many times
_SURVIVED = 0
_EVERY = "*"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small change, after the tests ran on it."""

    name: str  # as `mutmut show` takes it
    owner: str  # the plugin
    noticed: bool


def chosen(scope: Scope) -> dict[Path, set[str]]:
    """The files of the packages under test and in each the functions that a change touched; without a history, all of them."""
    changed = scope.history.changed() if scope.history else None
    found = {}
    for path in sorted({path for folder in _folders(scope) for path in folder.rglob("*.py")}):
        relative = path.relative_to(scope.root)
        if "migrations" in relative.parts or path.name == "__init__.py" or (changed is not None and relative not in changed):
            continue
        before = scope.history.before(relative) if scope.history else None
        if names := functions(path.read_text(encoding="utf-8"), before):
            found[relative] = names if scope.history else {_EVERY}
    return found


def functions(now: str, before: str | None) -> set[str]:
    """The functions and methods that are not as they were, as mutmut calls them."""
    old = _bodies(before or "")
    return {name for name, body in _bodies(now).items() if old.get(name) != body}


def tried(scope: Scope, wanted: Mapping[Path, Collection[str]]) -> list[Mutant]:
    """What the tests said to each mutant, as far as the time went; raises CouldNotRun."""
    program = Path(sys.executable).with_name("mutmut")
    if not program.exists():
        raise CouldNotRun("mutmut is not installed; in a checkout: pip install -r requirements/nightly.txt, elsewhere: 'playhall[nightly]'")
    folder = _copied(scope, wanted)
    said = _ran([str(program), "run", *_patterns(wanted)], folder, float(scope.config.general.get("mutation_minutes", MINUTES)))
    found = list(_read(scope, folder, wanted))
    if not found and "nothing matches" not in said:
        raise CouldNotRun(f"mutmut tried nothing: {' '.join(said[-400:].split())}")
    return found


def shown(scope: Scope, name: str) -> str:
    """What a mutant changed, such as 'a > 1 -> a >= 1'."""
    command = [str(Path(sys.executable).with_name("mutmut")), "show", name]
    done = subprocess.run(command, cwd=_home(scope), capture_output=True, text=True, check=False)  # noqa: S603
    lines = [line for line in done.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return " -> ".join(line[1:].strip() for line in lines[:2])


def _folders(scope: Scope) -> list[Path]:
    return [scope.root / "app"] if CORE in scope.sources else list(scope.sources.values())


def _bodies(source: str) -> dict[str, str]:
    found = {}
    for node in ast.parse(source).body:
        inner = [(f"xǁ{node.name}ǁ", one) for one in node.body] if isinstance(node, ast.ClassDef) else [("x_", node)]
        for prefix, one in inner:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{prefix}{one.name}"] = ast.dump(one)
    return found


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removeprefix("src.")


def _patterns(wanted: Mapping[Path, Collection[str]]) -> list[str]:
    """For `mutmut run`. What begins with the same name is tried too, and not counted."""
    return sorted(f"{_module(path)}.{name}*" for path, names in wanted.items() for name in names if name != _EVERY)


def _home(scope: Scope) -> Path:
    return reports(scope) / "mutation"


def _copied(scope: Scope, wanted: Mapping[Path, Collection[str]]) -> Path:
    folder = _home(scope)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(scope.root, folder, ignore=_LEFT, symlinks=True)
    sources = {path.parts[0] for path in wanted}
    ignored = scope.config.general.get("mutation_without", "").split()
    settings = {
        "source_paths": sources,
        "only_mutate": map(str, wanted),
        "also_copy": {path.name for path in folder.iterdir()} - sources,
        "pytest_add_cli_args_test_selection": [str(scope.tests), *(f"--ignore={path}" for path in ignored)],
        "pytest_add_cli_args": ["-o", "addopts=", "-p", "no:cacheprovider"],
        "use_setproctitle": ["false"],
        "timeout_constant": ["4"],  # seconds for what a session does before its first test, 15 times over
    }
    parser = RawConfigParser()
    parser.read(folder / "setup.cfg", encoding="utf-8")
    parser["mutmut"] = {name: "\n" + "\n".join(sorted(values) if isinstance(values, set) else values) for name, values in settings.items()}
    for name in ("use_setproctitle", "timeout_constant"):
        parser["mutmut"][name] = parser["mutmut"][name].strip()
    with (folder / "setup.cfg").open("w", encoding="utf-8") as file:
        parser.write(file)
    return folder


def _ran(command: list[str], folder: Path, minutes: float) -> str:
    """Run it for so long at most, and what it said without its progress."""
    dropped = ("COVERAGE_", "PYTEST_", "COV_", "GATES_", "DATABASE_URL", "REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    log = folder.with_suffix(".txt")
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out, start_new_session=True)  # noqa: S603
        try:
            process.wait(timeout=minutes * 60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return "\n".join(line.rpartition("\r")[2] for line in log.read_text(encoding="utf-8", errors="replace").split("\n"))


def _read(scope: Scope, folder: Path, wanted: Mapping[Path, Collection[str]]) -> Iterator[Mutant]:
    homes = {name: home for name, home in scope.sources.items() if name != CORE}
    for path, names in wanted.items():
        owner = next((name for name, home in homes.items() if (scope.root / path).is_relative_to(home)), CORE)
        meta = folder / "mutants" / f"{path}.meta"
        if not meta.exists():
            raise CouldNotRun(f"mutmut made nothing of {path}; {folder.with_suffix('.txt')} says why")
        for name, code in json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"].items():
            module, _, function = name.partition("__mutmut_")[0].rpartition(".")
            if module != _module(path):
                raise CouldNotRun(f"mutmut calls {_module(path)} {module}; put the package into the root or into src/")
            if (_EVERY in names or function in names) and (code in _NOTICED or code == _SURVIVED):
                yield Mutant(name, owner, code in _NOTICED)
