"""The gates of the tests: what each finds, and what it lets pass."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ci.checks.testing import test_assertions as assertions
from ci.checks.testing import test_order as order
from ci.checks.testing import test_test_first as first
from ci.scope import Scope


def git(folder: Path, *arguments: str) -> None:
    person = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    subprocess.run(["git", "-C", folder, *person, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with some code and a test, committed as the base."""
    (tmp_path / "app" / "core").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "app" / "core" / "sums.py").write_text("def add(a, b):\n    return a - b\n")
    (tmp_path / "app" / "__init__.py").touch()
    (tmp_path / "app" / "core" / "__init__.py").touch()
    (tmp_path / "tests" / "test_sums.py").write_text("def test_nothing():\n    assert 1\n")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "base")
    return tmp_path


def mend(project: Path) -> None:
    (project / "app" / "core" / "sums.py").write_text("def add(a, b):\n    return a + b\n")


def said_of(project: Path) -> list[str]:
    return [problem.what for problem in first.problems(Scope(project, None), first.ran)]


def test_change_without_a_test_is_red(project: Path) -> None:
    """Somebody has to write down what it is for."""
    mend(project)
    assert said_of(project) == ["the code changed, and no test did"]


def test_test_that_passes_before_is_red(project: Path) -> None:
    """It shows nothing of the change."""
    mend(project)
    (project / "tests" / "test_sums.py").write_text("from app.core.sums import add\n\n\ndef test_add():\n    assert add(0, 0) == 0\n")
    assert said_of(project) == ["all 1 changed test files also pass without the change of the code"]


def test_test_that_fails_before_is_what_is_asked_for(project: Path) -> None:
    """With a helper that is new as well."""
    mend(project)
    (project / "tests" / "conftest.py").write_text("import pytest\n\n\n@pytest.fixture\ndef two():\n    return 2\n")
    source = "from app.core.sums import add\n\n\ndef test_add(two):\n    assert add(two, two) == 4\n"
    (project / "tests" / "test_sums.py").write_text(source)
    assert said_of(project) == []
    assert subprocess.run(["git", "-C", project, "worktree", "list"], capture_output=True, text=True, check=True).stdout.count("\n") == 1


def test_change_of_documents_needs_no_test(project: Path) -> None:
    """There is nothing that could fail."""
    (project / "README.md").write_text("new")
    ran: list[Sequence[Path]] = []
    assert list(first.problems(Scope(project, None), lambda _folder, tests: ran.append(tests) or 1)) == []
    assert ran == []


@pytest.mark.parametrize(
    "body",
    ["x = 1", "assert True", "assert (1, 2)", "helper()\n\n\ndef helper():\n    pass", "def inner():\n        pass"],
)
def test_test_that_claims_nothing_is_found(tmp_path: Path, body: str) -> None:
    """Also where it calls something, or asserts a constant."""
    (tmp_path / "test_x.py").write_text(f"def test_x():\n    {body}\n")
    (found,) = assertions.problems(tmp_path, Scope(tmp_path, None))
    assert (found.what, found.where) == ("test_x asserts nothing", "test_x.py:1")


@pytest.mark.parametrize(
    "source",
    [
        "def test_x():\n    with pytest.raises(ValueError):\n        int('x')",
        "def test_x():\n    helper()\n\n\ndef helper():\n    deeper()\n\n\ndef deeper():\n    assert now() > 1",
        "def test_x(world):\n    pass\n\n\n@pytest.fixture\ndef world():\n    yield 1\n    assert now() > 1",
        "def test_x():\n    mock.assert_called_once()",
        "class TestX:\n    def test_x(self):\n        assert now() > 1",
    ],
)
def test_test_that_claims_something_passes(tmp_path: Path, source: str) -> None:
    """Itself, by what it calls, or by a fixture."""
    (tmp_path / "test_x.py").write_text(source)
    assert list(assertions.problems(tmp_path, Scope(tmp_path, None))) == []


def test_test_that_counts_on_another_is_found(tmp_path: Path) -> None:
    """In the order of one seed, and not in that of the other."""
    source = "LEFT = []\n\n\ndef test_early():\n    LEFT.append(1)\n    assert LEFT\n\n\ndef test_late():\n    assert LEFT\n"
    (tmp_path / "tests").mkdir()
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\n")
    (tmp_path / "tests" / "test_x.py").write_text(source)
    early, late = ([problem.subject for problem in order.problems(Scope(tmp_path, None), seed)] for seed in (1, 3))
    assert (early, late) == ([], ["tests/test_x.py::test_late"])
