"""Every error that an operation can answer with is declared by it, stands in the document, and has a code that is its alone."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from app.core.errors import DomainError
from app.core.plugin import Plugin

from ...problems import Problem
from ...scope import Scope
from ..conftest import Judge
from .calls import Target
from .raising import Error, Package, Raise
from .world import World

GATE = "errors-documented"


def test_errors_documented(world: World, scope: Scope, judge: Judge) -> None:
    """In the sources, in the operations, in the document."""
    judge(problems(world, scope))


def problems(world: World, scope: Scope) -> Iterator[Problem]:
    """Errors that a client cannot have read of."""
    codes = {str(target): _codes(world, target) for target in world.targets}
    yield from (problem for target in world.targets for problem in _absent(target, codes[str(target)]))
    everywhere = {
        code for target in World(world.app, [one.name for one in world.playhall.plugins]).targets for code in _codes(world, target)
    }
    packages = []
    for plugin in scope.plugins:
        name = scope.sources[plugin.name]
        packages.append(package := _package(plugin, name))
        yield from _undeclared(world, plugin, Package(package, name), codes, everywhere, scope)
    yield from _shared(packages)


def _undeclared(
    world: World, plugin: Plugin, package: Package, codes: Mapping[str, set[str]], everywhere: set[str], scope: Scope
) -> Iterator[Problem]:
    told: set[Raise] = set()
    views: list[str] = []
    for target in world.targets:
        if target.owner == plugin.name:
            view = inspect.unwrap(world.app.view_functions[target.rule.endpoint])
            views.append(f"{view.__module__}.{view.__qualname__}")
            told |= (reached := package.reached(views[-1:]))
            for error, one in {one.error: one for one in sorted(reached, key=lambda one: one.line)}.items():
                if error.code not in codes[str(target)]:
                    yield _problem(
                        str(target),
                        f"it can raise {error.__name__} ({error.code}), at {scope.relative(one.path)}:{one.line}, and does not declare it",
                        "A client learns of an answer from the OpenAPI document or in production",
                        f"@operation(..., errors=[{error.__name__}])",
                    )
    # What is asked for as a service may come from an operation or from a job.
    elsewhere = package.reached((target.replace(":", ".") for _, target in plugin.targets()), guess=True) - package.reached(
        views, guess=True
    )
    for one in sorted(package.raised() - told - elsewhere, key=lambda one: (str(one.path), one.line)):
        if one.error.code not in everywhere:
            yield _problem(
                f"{scope.relative(one.path)}:{one.line}",
                f"{one.error.__name__} ({one.error.code}) is raised, and no operation declares it",
                "A client learns of an answer from the OpenAPI document or in production",
                f"@operation(..., errors=[{one.error.__name__}]) where it can come from, or delete what nobody calls",
            )


def _absent(target: Target, codes: set[str]) -> Iterator[Problem]:
    for error in target.promise.errors if target.promise else ():
        if error.code not in codes:
            yield _problem(
                str(target),
                f"it declares {error.__name__}, and the OpenAPI document has no {error.code} among its answers with {error.status}",
                "Clients are made from the document",
                "take what replaces its responses out of @blueprint.doc(...)",
            )


def _shared(packages: Iterable[str]) -> Iterator[Problem]:
    """Classes that a client cannot tell apart."""
    classes = defaultdict(list)
    for error in _tree(DomainError):
        if any(_within(error.__module__, package) for package in ("app", *packages)):
            classes[error.code].append(error)
    for code, found in sorted(classes.items()):
        ours = [one for one in found if any(_within(one.__module__, package) for package in packages)]
        if len(found) > 1 and ours:
            others = " and ".join(sorted(f"{one.__module__}.{one.__qualname__}" for one in found if one is not ours[0]))
            yield _problem(
                f"{ours[0].__module__}.{ours[0].__qualname__}",
                f"its code {code} is also that of {others}",
                "Programs go by the code, and cannot tell them apart",
                f'give {ours[0].__name__} one of its own: code = "<plugin>.<what happened>"',
            )


def _codes(world: World, target: Target) -> set[str]:
    """The codes that the document lists for an operation, each among the answers with its status."""
    found: set[str] = set()
    known = {error.code: error.status for error in _tree(DomainError)}
    for status, response in target.said.get("responses", {}).items():
        for media in world.examples.resolved(response).get("content", {}).values():
            listed = _listed(world, media.get("schema", {}))
            found |= {code for code in listed if str(known.get(code)) == str(status)}
    return found


def _listed(world: World, schema: Mapping[str, Any]) -> set[str]:
    schema = world.examples.resolved(schema)
    own = schema.get("properties", {}).get("code", {}).get("enum", ())
    return {*own, *(code for part in schema.get("allOf", ()) for code in _listed(world, part))}


def _tree(error: Error) -> Iterator[Error]:
    yield error
    for inner in error.__subclasses__():
        yield from _tree(inner)


def _package(plugin: Plugin, folder: Path) -> str:
    """The dotted name of the package that a plugin's parts are in."""
    for _, target in plugin.targets():
        parts = target.partition(":")[0].split(".")
        if folder.name in parts:
            return ".".join(parts[: parts.index(folder.name) + 1])
    return folder.name


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _problem(where: str, what: str, why: str, do: str) -> Problem:
    return Problem(gate=GATE, where=where, what=what, why=why, do=do)
