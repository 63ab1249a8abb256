"""The models make exactly the schema that the revisions make: enums, CHECKs, index conditions and defaults as well."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url

from app.core.db import Base
from app.core.migrating.branches import Branch
from app.core.migrating.standing import owner
from playhall.testing.databases import scratch
from playhall.testing.schema import Schema, changed, difference, schema, table_of
from playhall.testing.services import Services

from ...problems import Problem
from ...scope import Scope
from ..conftest import Judge
from .conftest import Climbed, refuse_half

GATE = "drift"

# What models do not speak of; a revision alone makes it.
_BESIDE_THE_MODELS = {"ACL", "AGGREGATE", "EXTENSION", "FUNCTION", "MATERIALIZED VIEW", "POLICY", "PROCEDURE", "SCHEMA", "TRIGGER", "VIEW"}

pytestmark = pytest.mark.xdist_group("migrations")


def test_drift(climbed: Climbed, scope: Scope, services: Services, judge: Judge) -> None:
    """Two databases, one made by the revisions and one by the models, dumped and compared."""
    refuse_half(climbed)
    migrated = schema(make_url(climbed.url))
    with scratch(services) as url:
        made = _made(url, climbed.branches)
    judge(problem for branch in scope.branches for problem in problems(branch, made, migrated, scope))


def problems(branch: Branch, made: Schema, migrated: Schema, scope: Scope) -> Iterator[Problem]:
    """Where what the models of a branch make is not what its revisions make."""
    models, tables = _own(branch, made), _own(branch, migrated)
    for entry, body in changed(models, tables):
        if entry not in models and entry[0] in _BESIDE_THE_MODELS:
            continue
        where = _place(branch, table_of(entry, body), scope)
        for line in difference(*({entry: one[entry]} if entry in one else {} for one in (models, tables))):
            yield _problem(branch, where, line)


def _problem(branch: Branch, where: str, line: str) -> Problem:
    here, there = ("revisions", "models") if line.startswith("+") else ("models", "revisions")
    return Problem(
        gate=GATE,
        where=where,
        subject=branch.name,
        what=f"only the {here} of {branch.name}, not its {there}, make: {line[2:]}",
        why="What is tested against the models is not what runs",
        do=f"flask db migrate --plugin {branch.name} -m TEXT, and write by hand what it does not see; or correct the model",
    )


def _made(url: str, branches: tuple[Branch, ...]) -> Schema:
    for branch in branches:
        if branch.models:
            importlib.import_module(branch.models)
    names = {branch.name for branch in branches}
    engine = create_engine(url, poolclass=NullPool)
    Base.metadata.create_all(engine, tables=[table for name, table in Base.metadata.tables.items() if owner(name) in names])
    return schema(engine.url)


def _own(branch: Branch, whole: Schema) -> Mapping[tuple[str, str], str]:
    return {entry: body for entry, body in whole.items() if branch.owns(table_of(entry, body))}


def _place(branch: Branch, table: str, scope: Scope) -> str:
    """The line of the models that names the table."""
    spec = importlib.util.find_spec(branch.models) if branch.models else None
    if spec is None or spec.origin is None:
        return f"{scope.relative(branch.folder)}:1"
    lines = Path(spec.origin).read_text(encoding="utf-8").splitlines()
    found = (number for number, line in enumerate(lines, 1) if re.search(rf'"{table}"', line))
    return f"{scope.relative(spec.origin)}:{next(found, 1)}"
