"""What every check uses: the scope, and the judge that lets waived problems pass and says the others in one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest

from ..junit import PROBLEM, WAIVED, waived_text
from ..problems import Problem, judge
from ..scope import Scope, here

Judge = Callable[[Iterable[Problem]], None]


@pytest.fixture(scope="session")
def scope() -> Scope:
    """The project in the working directory, and which of its plugins are judged."""
    return here()


@pytest.fixture(name="judge")
def judge_fixture(scope: Scope, record_property: Callable[[str, object], None]) -> Judge:
    """Fail with one line for each problem that is not waived."""

    def give(problems: Iterable[Problem]) -> None:
        judged = judge(problems, scope.config.waivers, datetime.now(UTC).date())
        for problem, reason in judged.waived:
            record_property(WAIVED, waived_text(problem, reason))
        for problem in judged.red:
            record_property(PROBLEM, problem.encode())
        if judged.red:
            pytest.fail("\n".join(map(str, judged.red)), pytrace=False)

    return give
