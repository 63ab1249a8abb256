"""What a revision file must and must not hold, read from its source without running it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.core.migrating.branches import Branch, MigrationError

_ALLOWED = (sys.stdlib_module_names - {"importlib"}) | {"alembic", "sqlalchemy"}


def problems(branch: Branch) -> list[str]:
    """One sentence per broken rule in the files of a branch."""
    found = [f"{path}: {problem}" for path in sorted(branch.folder.glob("[!_]*.py")) for problem in _problems(branch, path)]
    try:
        branch.scripts()
    except MigrationError as error:
        found.append(str(error))
    return found


def _problems(branch: Branch, path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    declared = dict(_declared(tree))
    for module in _imports(tree):
        if module.split(".")[0] not in _ALLOWED:
            yield f"imports {module or 'a neighbour'}; write the tables out here: the application will change, a revision must not"
    revision = str(declared.get("revision"))
    if not re.fullmatch(rf"{branch.name}_\d{{8}}_[1-9]\d*", revision):
        yield f"revision = {revision!r} must be {branch.name}_<yyyymmdd>_<n>, so that a stray id tells whose it is"
    if not path.stem.startswith(revision):
        yield f"the file's name must begin with {revision}"
    if "down_revision" not in declared:
        yield "write down_revision, also when it is None"
    for name in ("branch_labels", "depends_on"):
        if declared.get(name):
            yield f"remove {name}: the order of branches is the load order of plugins"
    if declared.get("transactional") is False and "timeout" not in declared:
        yield "transactional = False needs a time-out of its own, for example timeout = '15min'"
    if "lossy" in declared and not (isinstance(declared["lossy"], str) and declared["lossy"]):
        yield "lossy must say in words what is lost and why"
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    yield from (f"write {name}()" for name in ("upgrade", "downgrade") if name not in functions)


def _declared(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign):
                yield target.id, node.value.value if isinstance(node.value, ast.Constant) else ...


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "" if node.level else node.module or ""
        elif isinstance(node, ast.Name) and node.id == "__import__":
            yield "something with __import__"
