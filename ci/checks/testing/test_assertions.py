"""Every test asserts something, itself or in a function of the tests that it calls or asks for as a fixture."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...problems import Problem
from ...scope import Scope
from ..conftest import Judge

GATE = "assertions"

# What fails a test when it does not hold, besides `assert` and whatever is called assert...
_CLAIMS = {"raises", "warns", "fail", "deprecated_call", "judge", "rerun", "exit"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_assertions(scope: Scope, judge: Judge) -> None:
    """A test that claims nothing passes whatever the code does."""
    judge(problems(scope.root / scope.tests, scope))


def problems(folder: Path, scope: Scope) -> Iterator[Problem]:
    """Each test below a folder that claims nothing."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py"))}
    functions: dict[str, list[Function]] = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                functions.setdefault(node.name, []).append(node)
    for path, tree in trees.items():
        if path.name.startswith("test_"):
            for test in _tests(tree):
                if not _claims(test, functions, set()):
                    yield _problem(test, f"{scope.relative(path)}:{test.lineno}")


def _problem(test: Function, where: str) -> Problem:
    return Problem(
        gate=GATE,
        where=where,
        subject=test.name,
        what=f"{test.name} asserts nothing",
        why="It passes whatever the code does",
        do="assert what its name promises, or delete it",
    )


def _tests(tree: ast.Module) -> Iterator[Function]:
    for node in tree.body:
        body = node.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test") else [node]
        yield from (one for one in body if isinstance(one, Function) and one.name.startswith("test_"))


def _claims(function: Function, functions: Mapping[str, list[Function]], seen: set[str]) -> bool:
    seen.add(function.name)
    called = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant | ast.Tuple):
            return True
        if isinstance(node, ast.Call):
            called.add(node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))
    if any(name in _CLAIMS or name.startswith("assert") for name in called):
        return True
    return any(_claims(one, functions, seen) for name in called - seen for one in functions.get(name, ()))
