"""What a plugin's files import, read without running them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path

from app.core.plugin import Plugin
from app.core.registry import available

DOOR = "playhall"
PUBLIC = ("playhall", "playhall.fields", "app.economy.api")
OURS = ("playhall", "app", "migrations")


def package_of(name: str) -> str:
    """The package that an available plugin's manifest is in."""
    return available()[name][0].module


def folder_of(package: str) -> Path:
    """Where a package's files are."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations, f"{package} is no package: put the manifest into its __init__.py"
    return Path(next(iter(spec.submodule_search_locations)))


def manifest_problems(package: str) -> list[str]:
    """A sentence for everything that importing the package would import besides the door and the standard library."""
    path = folder_of(package) / "__init__.py"
    return [
        f'{path}:{line}: imports {module}; a manifest imports only {DOOR}: name the part as a string, "{module}:..."'
        for module, line in _imports(path, package)
        if module.split(".")[0] not in (DOOR, *sys.stdlib_module_names)
    ]


def door_problems(plugin: Plugin) -> list[str]:
    """A sentence for every import of Playhall's or of another plugin's insides."""
    own = package_of(plugin.name)
    others = {package_of(name): name for name in available() if name != plugin.name}
    apis = {f"{package_of(name)}.api" for name in plugin.requires if name in available()}
    home = folder_of(own)
    return [
        f"{path}:{line}: imports {module}; {_instead(module, others)}"
        for path in sorted(home.rglob("*.py"))
        for module, line in _imports(path, _module(path, home, own))
        if _is_inside(module, own, [*OURS, *others]) and not _is_open(module, apis)
    ]


def _is_inside(module: str, own: str, roots: Collection[str]) -> bool:
    return not _under(module, own) and any(_under(module, root) for root in roots)


def _is_open(module: str, apis: Collection[str]) -> bool:
    home = module.rpartition(".")[0]
    return module in PUBLIC or home in PUBLIC or module in apis or home in apis


def _instead(module: str, others: dict[str, str]) -> str:
    owner = next((name for package, name in others.items() if _under(module, package)), None)
    if owner is None:
        return f"use what {DOOR} offers (docs/plugins/contract.md)"
    return f"of {owner} only its api module is open, to plugins that name it in requires"


def _under(module: str, root: str) -> bool:
    return module == root or module.startswith(f"{root}.")


def _module(path: Path, home: Path, own: str) -> str:
    parts = path.relative_to(home).parent.parts
    return ".".join([own, *parts])


def _imports(path: Path, package: str) -> Iterator[tuple[str, int]]:
    """The modules (for `from a import b`: a.b) that a file imports, with their lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((f"{base}.{name.name}", node.lineno) for name in node.names)
