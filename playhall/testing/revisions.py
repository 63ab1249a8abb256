"""What a revision file must and must not hold, read from its source without running it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.migrating.branches import Branch, MigrationError

_ALLOWED = (sys.stdlib_module_names - {"importlib"}) | {"alembic", "sqlalchemy"}
_DURATION = re.compile(r"[1-9]\d*(ms|s|min|h)")


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a file breaks. None of the sentences ends with a full stop."""

    path: Path
    line: int
    what: str
    why: str
    do: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}; {self.do}"


def problems(branch: Branch) -> list[str]:
    """One sentence per broken rule in the files of a branch."""
    return [str(rule) for rule in broken(branch)]


def broken(branch: Branch) -> Iterator[Broken]:
    """The broken rules in the files of a branch."""
    for path in sorted(branch.folder.glob("[!_]*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except SyntaxError as error:
            yield Broken(path, error.lineno or 1, f"this is no Python: {error.msg}", "No database can be migrated", "correct it")
            continue
        declared = dict(_declared(tree))
        yield from (Broken(path, *rule) for rule in (*_foreign(tree), *_name(branch, path, declared), *_promises(declared), *_ways(tree)))
    try:
        branch.scripts()
    except MigrationError as error:
        yield Broken(branch.folder, 1, str(error), "No database can be migrated", "correct the file that it names")


Rule = tuple[int, str, str, str]  # line, what, why, do


def _foreign(tree: ast.Module) -> Iterator[Rule]:
    why = "The application will change, and what a revision did must not"
    for line, module in _imports(tree):
        if module.split(".")[0] not in _ALLOWED:
            yield line, f"it imports {module or 'a neighbour'}", why, "write the tables out here"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "autocommit_block":
            do = "declare transactional = False in a revision of its own, with a timeout"
            yield node.lineno, "it leaves its transaction with autocommit_block", "What failed half-way could not be told or repeated", do


def _name(branch: Branch, path: Path, declared: Mapping[str, tuple[int, Any]]) -> Iterator[Rule]:
    line, revision = declared.get("revision", (1, None))
    why = "A stray id has to tell whose it is, in which order"
    if not re.fullmatch(rf"{branch.name}_\d{{8}}_[1-9]\d*", str(revision)):
        yield line, f"revision = {revision!r}", why, f"it must be {branch.name}_<yyyymmdd>_<n>"
    if not path.stem.startswith(str(revision)):
        yield line, f"the file is named {path.name}", why, f"the file's name must begin with {revision}"
    if "down_revision" not in declared:
        yield (
            1,
            "it does not say what comes before it",
            "It would pass for a first one",
            "write down_revision, also when it is None",
        )
    for name in ("branch_labels", "depends_on"):
        line, value = declared.get(name, (1, None))
        if value:
            yield line, f"it has {name}", "The order of branches is the load order of plugins", f"remove {name}"


def _promises(declared: Mapping[str, tuple[int, Any]]) -> Iterator[Rule]:
    line, transactional = declared.get("transactional", (1, True))
    if transactional is False and "timeout" not in declared:
        why = "Nothing else would ever end it"
        yield line, "transactional = False needs a time-out of its own", why, "write for example timeout = '15min'"
    line, timeout = declared.get("timeout", (1, "1s"))
    if timeout is not ... and not _DURATION.fullmatch(str(timeout)):
        yield line, f"timeout = {timeout!r} is no duration", "It could not run", "write for example timeout = '15min'"
    line, lossy = declared.get("lossy", (1, "-"))
    if not (isinstance(lossy, str) and lossy.strip()):
        yield line, f"lossy = {lossy!r}", "Whoever takes it back has to know", "lossy must say in words what is lost and why"


def _ways(tree: ast.Module) -> Iterator[Rule]:
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in ("upgrade", "downgrade"):
        if name not in functions:
            yield 1, f"it has no {name}()", "A bad release must be able to go back", f"write {name}()"


def _declared(tree: ast.Module) -> Iterator[tuple[str, tuple[int, Any]]]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign):
                yield target.id, (node.lineno, node.value.value if isinstance(node.value, ast.Constant) else ...)


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "" if node.level else node.module or ""
        elif isinstance(node, ast.Name) and node.id == "__import__":
            yield node.lineno, "something with __import__"
