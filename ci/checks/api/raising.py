"""Which errors a function of a package can raise, read from the sources: its own, and those of what it calls in the package."""

from __future__ import annotations

import ast
import builtins
import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.errors import DomainError

Error = type[DomainError]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Raise:
    """One place where an error is raised."""

    error: Error
    path: Path
    line: int


@dataclass(frozen=True, slots=True)
class _Function:
    name: str  # dotted, with its module
    node: Function
    path: Path
    names: Mapping[str, str]  # what its module calls what: a local name -> a dotted one
    cls: str  # the class that it is a method of, dotted; empty when of none


class Package:
    """The functions of a package."""

    def __init__(self, name: str, folder: Path) -> None:
        self._functions: dict[str, _Function] = {}
        for path in sorted(folder.rglob("*.py")):
            parts = [name, *path.relative_to(folder).with_suffix("").parts]
            self._read(".".join(parts).removesuffix(".__init__"), path)

    def raised(self) -> set[Raise]:
        """Every place that raises."""
        return {one for function in self._functions.values() for one in self._own(function.node, function, (), None)}

    def reached(self, names: Iterable[str], *, guess: bool = False) -> set[Raise]:
        """The places that these functions and classes (dotted) can come to, past what `except` stops.

        Without `guess`, along calls that are certain; with it, also to every method of the name that something unknown is asked for.
        """
        found: set[Raise] = set()
        for name in names:
            for one in self._functions:
                if one == name or one.startswith(f"{name}."):
                    found |= self._reach(self._functions[one], (), set(), guess=guess)
        return found

    def _reach(self, function: _Function, caught: tuple[Any, ...], seen: set[Any], *, guess: bool) -> set[Raise]:
        if (function.name, caught) in seen:
            return set()
        seen.add((function.name, caught))
        calls: list[tuple[str, tuple[Any, ...]]] = []
        found = set(self._own(function.node, function, caught, calls))
        for called, stopped in calls:
            for one in self._called(called, guess=guess):
                found |= self._reach(one, stopped, seen, guess=guess)
        return found

    def _called(self, name: str, *, guess: bool) -> Iterator[_Function]:
        if name in self._functions:
            yield self._functions[name]
        elif guess and "." in name:
            asked = name.rpartition(".")[2]
            yield from (one for one in self._functions.values() if one.cls and one.node.name == asked)

    def _own(
        self, node: ast.AST, function: _Function, caught: tuple[Any, ...], calls: list[tuple[str, tuple[Any, ...]]] | None
    ) -> Iterator[Raise]:
        """The raises in a piece of a function that no `except` around them stops; what it calls goes to `calls`."""
        if isinstance(node, ast.Try):
            inside = (*caught, *(cls for handler in node.handlers for cls in _stopped(handler, function)))
            for guarded in node.body:
                yield from self._own(guarded, function, inside, calls)
            for part in (*node.handlers, *node.orelse, *node.finalbody):
                yield from self._own(part, function, caught, calls)
            return
        if isinstance(node, ast.Raise) and node.exc is not None:
            thrown = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            cls = _object(_dotted(thrown, function))
            if isinstance(cls, type) and issubclass(cls, DomainError) and not issubclass(cls, caught or (_Never,)):
                yield Raise(cls, function.path, node.lineno)
        if calls is not None and isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            calls.append((_dotted(node, function), caught))
        for child in ast.iter_child_nodes(node):
            yield from self._own(child, function, caught, calls)

    def _read(self, module: str, path: Path) -> None:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = dict(_imports(tree, module, is_package=path.name == "__init__.py"))
        names |= {node.name: f"{module}.{node.name}" for node in tree.body if isinstance(node, Function | ast.ClassDef)}
        for node in tree.body:
            if isinstance(node, Function):
                self._functions[f"{module}.{node.name}"] = _Function(f"{module}.{node.name}", node, path, names, "")
            elif isinstance(node, ast.ClassDef):
                cls = f"{module}.{node.name}"
                for one in node.body:
                    if isinstance(one, Function):
                        self._functions[f"{cls}.{one.name}"] = _Function(f"{cls}.{one.name}", one, path, names, cls)


class _Never(Exception):
    """What nobody raises."""


def _dotted(node: ast.AST, function: _Function) -> str:
    """What a name or an attribute is, dotted; `?.name` for an attribute of something unknown."""
    if isinstance(node, ast.Name):
        return function.cls if node.id in ("self", "cls") and function.cls else function.names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = node.value.func if isinstance(node.value, ast.Call) else node.value  # Class().method is Class.method
        base = _dotted(owner, function)
        made = not isinstance(node.value, ast.Call) or isinstance(_object(base), type)
        return f"{base}.{node.attr}" if made and "?" not in base else f"?.{node.attr}"
    return "?"


def _stopped(handler: ast.ExceptHandler, function: _Function) -> Iterator[type[BaseException]]:
    if handler.type is None:
        yield BaseException
        return
    for node in handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]:
        found = _object(_dotted(node, function))
        if isinstance(found, type) and issubclass(found, BaseException):
            yield found


def _object(dotted: str) -> Any:
    """What a dotted name stands for; None when it is nothing."""
    module, _, name = dotted.rpartition(".")
    if not module:
        return getattr(builtins, name, None)
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None


def _imports(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (
                (one.asname or one.name.partition(".")[0], one.name if one.asname else one.name.partition(".")[0]) for one in node.names
            )
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            above = parts[: len(parts) - node.level + is_package] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((one.asname or one.name, f"{base}.{one.name}") for one in node.names)
