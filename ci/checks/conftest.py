"""What every check uses: the scope, and the judge that lets waived problems pass and says the others in one line each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import pytest

from ..gates import beside_the_tests
from ..junit import PROBLEM, WAIVED, waived_text
from ..problems import Problem, judge
from ..scope import ASKED, Scope, enabled, here

Judge = Callable[[Iterable[Problem]], None]


@pytest.fixture(scope="session")
def scope() -> Scope:
    """The project in the working directory, and which of its plugins are judged."""
    return here()


@pytest.fixture(scope="session", autouse=True)
def plugins(scope: Scope) -> Iterator[None]:
    """In a plugin's repository: it and what it requires are on."""
    with pytest.MonkeyPatch.context() as patch:
        if scope.only:
            patch.setenv("PLAYHALL_PLUGINS", ",".join(enabled(scope.plugins[0])))
        yield


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make test` has no history to compare with and no night: the gates' runner asks for those checks itself."""
    if ASKED in os.environ:
        return
    left_out = [item for item in items if item.get_closest_marker("history") or item.get_closest_marker("nightly")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which gates a run of the tests does not hold."""
    if ASKED not in os.environ:
        terminalreporter.write_line(f"gates left out: {', '.join(beside_the_tests())}. To run them: python -m ci run --nightly")
