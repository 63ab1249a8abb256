"""The gates of the structure: what each finds, and what it lets pass. Seeds prove the whole; here are the parts."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ci.checks.structure import examples, facts, inputs
from ci.checks.structure import test_docs as docs
from ci.checks.structure.attempts import differences
from ci.checks.testing import test_mutation as mutating
from ci.gate import CouldNotRun, Need
from ci.gates import GATES
from ci.scope import Scope
from ci.tools import mutation
from ci.tools.mutation import Mutant

Rows = Mapping[str, list[dict[str, Any]]]


def table(*values: dict[str, Any]) -> Rows:
    return {"loot_chest": list(values)}


# jobs

CLEAN = [table({"id": "a", "found": 1, "at": 1}), table({"id": "b", "found": 1, "at": 2})]


def test_what_is_random_is_no_difference() -> None:
    """Ids and moments differ between any two runs."""
    assert list(differences(CLEAN, table({"id": "c", "found": 1, "at": 3}))) == []


def test_a_row_too_many_is_a_difference() -> None:
    """Whatever is in it."""
    twice = table({"id": "c", "found": 1, "at": 3}, {"id": "d", "found": 1, "at": 3})
    assert list(differences(CLEAN, twice)) == ["loot_chest has 2 rows where one run leaves 1"]


def test_another_value_is_a_difference() -> None:
    """Where one run always leaves the same."""
    assert list(differences(CLEAN, table({"id": "c", "found": 2, "at": 3}))) == ["loot_chest.found is not what one run leaves"]


def test_as_many_rows_as_chance_has_it_are_no_difference() -> None:
    """Nothing can be said about them."""
    assert list(differences([CLEAN[0], table()], table(*[{"id": "c"}] * 3))) == []


ROWS: Rows = {
    "core_account": [{"id": "account-1"}, {"id": "account-2"}],
    "loot_chest": [{"id": "chest-1", "account_id": "account-1"}, {"id": "chest-2", "account_id": "account-2"}],
}


def test_payload_has_the_ids_of_rows_that_are_there() -> None:
    """A chest comes with its own account."""
    hints = {"account_id": UUID, "chest_id": UUID, "count": int}
    assert inputs.payloads(hints, "loot", ROWS, {}) == [
        {"account_id": "account-2", "chest_id": "chest-2", "count": 1},
        {"account_id": "account-1", "chest_id": "chest-1", "count": 1},
    ]


def test_payload_is_made_from_types() -> None:
    """As JSON; what is given goes first."""
    hints = {"at": datetime, "names": tuple[str, ...], "more": Mapping[str, int], "one": bool | None}
    (made,) = inputs.payloads(hints, "loot", {}, {"one": None})
    assert made == {"at": "2026-02-28T23:59:59.999999+00:00", "names": ["text"], "more": {"key": 1}, "one": None}


def test_handler_is_given_what_it_demands() -> None:
    """A default is not overruled."""

    def handler(found: str, count: int = 3) -> None: ...

    assert inputs.of_handler(handler) == {"found": str}


# docs


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("| `loot.empty` |", True),
        ("it says loot.empty.", True),
        ("`loot.empty_chest`", False),
        ("`loot.empty.v1`", False),
        ("`myloot.empty`", False),
    ],
)
def test_a_longer_name_is_another(text: str, *, there: bool) -> None:
    """PLAYHALL_LOOT_A_B does not name PLAYHALL_LOOT_A."""
    assert facts.Fact("error", "loot.empty", "x.py:1", "").is_in(text) is there


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("```python\nfrom playhall import Plugin\n```", []),
        ("```python\nx = 1\nfrom playhall import Plugins\n```", [(3, "playhall has no Plugins")]),
        ("text\n\n```python\nfrom playhall.nothing import x\n```", [(4, "playhall.nothing has no x")]),
        ("```python\nfrom elsewhere import x\n```", []),
        ("```python\ndef :\n```", [(2, "the example is no Python: invalid syntax")]),
        ("1. item\n\n   ```python\n   x = 1\n   ```", []),
        ("```json\nfrom playhall import x\n```", []),
        ("```\nflask --app app db upgrade    # all\n```", []),
        ("```sh\n.venv/bin/flask plugin remove loot --yes\n```", []),
        ("```\nmake\nflask plugin removes loot\n```", [(3, "flask has no command plugin removes")]),
        ("```\nflask fly\n```", [(2, "flask has no command fly")]),
        ("```\nflask plugin remove loot --really\n```", [(2, "remove has no option --really")]),
    ],
)
def test_example_that_could_not_run_is_found(block: str, said: list[tuple[int, str]]) -> None:
    """With its line; and one that could is let pass."""
    assert list(examples.problems(block, {"playhall"}, examples.commands())) == said


def test_readme_says_how_to_come_and_go(tmp_path: Path) -> None:
    """In headings."""
    (tmp_path / "README.md").write_text("# Loot\n\n## Install and configure\n\nremove\n")
    assert [problem.subject for problem in docs.readme(Scope(tmp_path, "shop"))] == ["remove"]


def test_quality_names_each_rule_once_and_no_other(tmp_path: Path) -> None:
    """Proven, or exempt for a reason."""
    names = [gate.id for gate in GATES if Need.CHECKOUT not in gate.needs]
    rows = dict.fromkeys(names[1:], "proven") | {names[2]: "exempt: why", names[3]: "exempt", "flies": "proven"}
    (tmp_path / "QUALITY.md").write_text("".join(f"| {name} | {state} |\n" for name, state in rows.items()))
    found = {problem.subject: problem.where for problem in docs.table(Scope(tmp_path, "shop"))}
    assert found == {names[0]: "QUALITY.md:1", names[3]: "QUALITY.md:3", "flies": f"QUALITY.md:{len(rows)}"}


# mutation

SOURCE = "def a():\n    return 1\n\n\nclass C:\n    def b(self):\n        return 2\n\n    async def c(self):\n        return 3\n"


def test_functions_that_changed_are_found() -> None:
    """As mutmut calls them; a comment or another line is no change."""
    assert mutation.functions(SOURCE, None) == {"x_a", "xǁCǁb", "xǁCǁc"}
    assert mutation.functions("# new\n" + SOURCE.replace("return 2", "return 4"), SOURCE) == {"xǁCǁb"}
    assert mutation.functions(SOURCE, SOURCE) == set()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose base has one module of the core."""
    (tmp_path / "app" / "core" / "migrations").mkdir(parents=True)
    (tmp_path / "app" / "core" / "sums.py").write_text(SOURCE)
    (tmp_path / "setup.cfg").write_text("[ci]\nmutation_without = tests/packaging\n")
    for arguments in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "base"],
    ):
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True)
    return tmp_path


def test_only_what_a_change_touched_is_tried(checkout: Path) -> None:
    """No revision, no manifest, no file that is as it was."""
    (checkout / "app" / "core" / "sums.py").write_text(SOURCE.replace("return 1", "return 7"))
    for name in ("__init__.py", "migrations/one.py", "new.py"):
        (checkout / "app" / "core" / name).write_text("def d():\n    return 1\n")
    scope = Scope(checkout, None)
    assert mutation.chosen(scope) == {Path("app/core/sums.py"): {"x_a"}, Path("app/core/new.py"): {"x_d"}}


def test_without_mutmut_there_is_no_verdict(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the message says what to install."""
    monkeypatch.setattr(mutation.sys, "executable", str(checkout / "python"))
    with pytest.raises(CouldNotRun, match=r"pip install -r requirements/nightly\.txt"):
        mutation.tried(Scope(checkout, None), {Path("app/core/sums.py"): {"x_a"}})


FAKE = """#!/bin/sh
mkdir -p mutants/app/core
grep -q 'tests/packaging' setup.cfg && grep -q 'app/core/sums.py' setup.cfg || exit 1
echo "$@" > asked
cat > mutants/app/core/sums.py.meta <<'END'
{"exit_code_by_key": {"app.core.sums.x_a__mutmut_1": 1, "app.core.sums.x_a__mutmut_2": 0, "app.core.sums.x_a__mutmut_3": 33,
 "app.core.sums.x_a__mutmut_4": null, "app.core.sums.x_a__mutmut_5": 24, "app.core.sums.x_ab__mutmut_1": 0}}
END
"""


def fake(checkout: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = checkout / "mutmut"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setattr(mutation.sys, "executable", str(checkout / "python"))


def test_verdicts_are_those_of_the_tests_that_ran(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that failed or never ended noticed it; what was not tried, has no test or was not touched does not count."""
    fake(checkout, FAKE, monkeypatch)
    mutants = mutation.tried(Scope(checkout, None), {Path("app/core/sums.py"): {"x_a"}})
    name = "app.core.sums.x_a__mutmut_"
    assert mutants == [Mutant(f"{name}1", "core", True), Mutant(f"{name}2", "core", False), Mutant(f"{name}5", "core", True)]
    assert (checkout / "build/gates/mutation/asked").read_text() == "run app.core.sums.x_a*\n"
    assert not (checkout / "mutants").exists()


def test_what_tried_nothing_is_no_verdict(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it said."""
    meta = "mkdir -p mutants/app/core && echo '{\"exit_code_by_key\": {}}' > mutants/app/core/sums.py.meta"
    fake(checkout, f"#!/bin/sh\n{meta}\necho the tests fail\n", monkeypatch)
    with pytest.raises(CouldNotRun, match="mutmut tried nothing: the tests fail"):
        mutation.tried(Scope(checkout, None), {Path("app/core/sums.py"): {"x_a"}})


@pytest.mark.parametrize("made", ["", FAKE.replace("app.core.sums.", "core.sums.")])
def test_what_it_does_not_know_is_no_verdict(made: str, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file that it left out, nor one that it calls otherwise, is a file whose tests notice all."""
    fake(checkout, made or "#!/bin/sh\necho nothing matches\n", monkeypatch)
    with pytest.raises(CouldNotRun, match=r"made nothing of|calls app\.core\.sums core\.sums"):
        mutation.tried(Scope(checkout, None), {Path("app/core/sums.py"): {"x_a"}})


def test_its_time_is_limited(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was tried by then counts."""
    (checkout / "setup.cfg").write_text("[ci]\nmutation_minutes = 0.1\nmutation_without = tests/packaging\n")
    fake(checkout, f"{FAKE}sleep 600\n", monkeypatch)
    assert len(mutation.tried(Scope(checkout, None), {Path("app/core/sums.py"): {"x_a"}})) == 3


def test_a_low_score_says_what_was_not_noticed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two is half."""
    monkeypatch.setattr(mutation, "shown", lambda _scope, _name: "return 1 -> return 2")
    mutants = [Mutant("app.core.sums.x_a__mutmut_1", "core", True), Mutant("app.core.sums.x_a__mutmut_2", "core", False)]
    (problem,) = mutating.problems(Scope(checkout, None), mutants)
    said = "mutation of core is 50.0 %, below its bar of 70.0 %: nothing noticed 1 changes, such as 'return 1 -> return 2'"
    assert (problem.what, problem.subject) == (said, "core")
    assert "mutmut show 'app.core.sums.x_a__mutmut_2'" in problem.do
    assert list(mutating.problems(Scope(checkout, None), [mutants[0]])) == []
