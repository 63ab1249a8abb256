"""The last check of boot: no route of a plugin is open by accident."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import Rule

from app.core.operation import Operation
from app.core.state import Playhall

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def route_problems(app: Flask, playhall: Playhall, own: frozenset[str]) -> list[str]:
    """Everything wrong with the plugins' routes: those that are not the core's own endpoints."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in own:
            owner = rule.endpoint.split(".")[0].split("-")[0]
            operation = getattr(app.view_functions[rule.endpoint], "__operation__", None)
            where = f"{owner}: {'/'.join(sorted((rule.methods or set()) - {'HEAD', 'OPTIONS'}))} {rule.rule}"
            found += [f"{where}: {problem}" for problem in _problems(rule, operation, playhall)]
    return found + [f"two routes are documented as {name!r}; rename one of the functions" for name in _twice(app)]


def _twice(app: Flask) -> list[str]:
    promises = (getattr(view, "_apidoc", {}).get("promise") for view in app.view_functions.values())
    counts = Counter(promise.operation_id for promise in promises if promise)
    return sorted(name for name, count in counts.items() if count > 1)


def _problems(rule: Rule, operation: Operation | None, playhall: Playhall) -> Iterator[str]:
    if operation is None:
        unsafe = UNSAFE & (rule.methods or set())
        yield f"{'an unsafe' if unsafe else 'a public'} route without @operation; say who may call it, on playhall.Blueprint"
        return
    if operation.public and not operation.limit:
        yield "a public route without a limit; name one: @operation(public=True, limit=...)"
    if operation.public and (operation.permission or operation.idempotent):
        yield "a public route has no account, so neither a permission nor an idempotency key"
    if operation.idempotent and not UNSAFE & (rule.methods or set()):
        yield "a route that changes nothing needs no idempotency key"
    if operation.limit and operation.limit not in playhall.limits:
        yield f"limit {operation.limit!r} is not declared; add it to Plugin.limits"
    if operation.permission and operation.permission not in playhall.permissions:
        yield f"permission {operation.permission!r} is not declared; add it to Plugin.permissions"
