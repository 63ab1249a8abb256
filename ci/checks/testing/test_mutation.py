"""Tests notice when the code does something else: of small changes to it, most make one fail."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import pytest

from playhall.testing.services import Services

from ... import baseline
from ...gate import CouldNotRun
from ...problems import Problem
from ...scope import Scope
from ...tools import mutation
from ...tools.mutation import Mutant
from ..conftest import Judge

GATE = "mutation"


@pytest.mark.nightly
def test_mutation(scope: Scope, judge: Judge, services: Services) -> None:  # noqa: ARG001 - its servers are the mutants' too
    """In the functions that a change touched; without a history, in all."""
    wanted = mutation.chosen(scope)
    if not wanted:
        return
    try:
        mutants = mutation.tried(scope, wanted)
    except CouldNotRun as error:
        pytest.fail(str(error), pytrace=False)
    judge(problems(scope, mutants))


def problems(scope: Scope, mutants: Sequence[Mutant]) -> Iterator[Problem]:
    """Each plugin that is below its bar, with what was not noticed."""
    for problem in baseline.problems(scope, GATE, baseline.MUTATION, scores(mutants)):
        survived = [one.name for one in mutants if one.owner == problem.subject and not one.noticed]
        if "below" not in problem.what or not survived:
            yield problem
            continue
        said = f"nothing noticed {len(survived)} changes, such as {mutation.shown(scope, survived[0])!r}"
        do = f"assert what they change; cd build/gates/mutation && mutmut show '{survived[0]}'"
        yield dataclasses.replace(problem, what=f"{problem.what}: {said}", do=do)


def scores(mutants: Sequence[Mutant]) -> dict[str, float]:
    """Percent of the mutants of each plugin that a test noticed."""
    owners = sorted({one.owner for one in mutants})
    found = {owner: [one.noticed for one in mutants if one.owner == owner] for owner in owners}
    return {owner: 100 * sum(noticed) / len(noticed) for owner, noticed in found.items()}
