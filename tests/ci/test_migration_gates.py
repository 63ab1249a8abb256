"""The gates of the migrations see what was sown, one defect of each kind; the night's run sows all of them, end to end."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.core import migrations
from app.core.migrating.branches import Branch
from app.scaffold.writing import SEEDLING
from ci.checks.migrations import test_drift, test_frozen, test_heads, test_revisions
from ci.checks.migrations.conftest import problem_of
from ci.history import History
from ci.problems import Problem
from ci.scope import Scope
from ci.seeds import SEEDS
from ci.seeds.seed import Seed, apply
from playhall.testing.bare import bare_app
from playhall.testing.databases import scratch
from playhall.testing.defects import Kind
from playhall.testing.samples import given
from playhall.testing.schema import normalise
from playhall.testing.services import Services
from playhall.testing.stairway import climb

KINDS = {
    "stairway": (Kind.FAILED, Kind.SCHEMA),
    "stairway-data": (Kind.ROWS, Kind.BLIND),
    "locks": (Kind.LOCKS,),
    "ownership": (Kind.OWNERSHIP,),
}
CLIMBED = ("stairway: downgrade raises", "stairway-data: table is blind", "locks: every row is changed", "ownership: rows of a neighbour")
READ = ("heads: HEAD is stale", "frozen: released revision is edited", "frozen: released revision is gone", "revisions: foreign id")


def sown(name: str) -> Seed:
    return next(seed for seed in SEEDS if str(seed) == name)


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    """The seedling in a folder of its own."""
    root = (tmp_path / "seedling").resolve()
    shutil.copytree(SEEDLING, root, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    return Scope(root, "seedling")


@pytest.fixture
def seedling(scope: Scope) -> Branch:
    return Branch("seedling", scope.root / "src/playhall_seedling/migrations")


@pytest.fixture(scope="module")
def template(services: Services) -> Iterator[str]:
    """The name of a database with the core in it, to copy."""
    with scratch(services) as url:
        migrations.upgrade(bare_app(url))
        database = make_url(url).database
        assert database is not None
        yield database


@pytest.mark.parametrize("name", CLIMBED)
def test_climb_sees(name: str, scope: Scope, seedling: Branch, services: Services, template: str) -> None:
    """And the gate's line says what to do."""
    seed = sown(name)
    apply(seed.edits, scope.root)
    with scratch(services, template) as url:
        found = climb(bare_app(url), seedling)
    lines = [str(problem_of(seed.gate, one, "", scope)) for one in found.defects if one.kind in KINDS[seed.gate]]
    assert any(seed.says in line for line in lines), lines
    assert all(line.startswith(f"{seed.gate} src/playhall_seedling/migrations/seedling_20261121_2_seed.py:") for line in lines)


def test_what_the_seedling_says_goes(scope: Scope, seedling: Branch, services: Services, template: str) -> None:
    """Samples of setup.cfg make rows where a CHECK cannot be guessed; a loss that is declared is shown and no defect."""
    apply(sown("stairway-data: table is blind").edits, scope.root)
    dropped = sown("stairway-data: column is dropped and added again").edits
    ((path, text),) = dropped.items()
    assert isinstance(text, str)
    third = text.replace('_2"', '_3"').replace('_1"', '_2"').replace("\n\ndef upgrade", "lossy = 'nobody asks'\n\n\ndef upgrade")
    apply({path.replace("_2_", "_3_"): third}, scope.root)
    apply({"setup.cfg": ("[ci:plugin:seedling]\n", "[ci:plugin:seedling]\nsamples =\n    seedling_code.code = 1234\n")}, scope.root)
    samples = given("seedling", scope.root)
    assert samples == {"seedling_code.code": "1234"}
    with scratch(services, template) as url:
        found = climb(bare_app(url), seedling, samples)
    assert found.defects == []
    assert [(loss.revision, loss.do) for loss in found.losses] == [("seedling_20261121_3", "nobody asks")]


@pytest.mark.parametrize("name", READ)
def test_files_say(name: str, scope: Scope, seedling: Branch) -> None:
    """Without a database: the newest revision, what was released, the rules."""
    for arguments in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "b"),
        ("tag", "v1"),
    ):
        subprocess.run(["git", "-C", scope.root, *arguments], check=True)
    history = History(scope.root, "HEAD")
    assert list(problems(sown(name).gate, scope, seedling, history)) == []
    apply(sown(name).edits, scope.root)
    (problem, *_) = problems(sown(name).gate, scope, seedling, history)
    assert sown(name).says in str(problem)


def problems(gate: str, scope: Scope, branch: Branch, history: History) -> Iterator[Problem]:
    if gate == "heads":
        return test_heads.problems(branch, scope)
    if gate == "revisions":
        return test_revisions.problems(branch, scope)
    return test_frozen.problems(branch, scope, history, "v1")


DUMP = """--
-- Name: seedling_kind; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.seedling_kind AS ENUM ('a'{more});


--
-- Name: seedling_f(); Type: {kind}; Schema: public; Owner: -
--

CREATE {kind} public.seedling_f;
"""


@pytest.mark.parametrize(
    ("made", "lines"),
    [
        (DUMP.format(more="", kind="FUNCTION"), []),
        ("", ["only the revisions of seedling, not its models, make: CREATE TYPE public.seedling_kind AS ENUM ('a');"]),
        (
            DUMP.format(more=", 'b'", kind="FUNCTION"),
            ["not its revisions, make: TYPE seedling_kind: CREATE", "not its models, make: TYPE seed"],
        ),
    ],
    ids=["the same", "no model", "another"],
)
def test_models_and_revisions_are_compared(made: str, lines: list[str], scope: Scope, seedling: Branch) -> None:
    """A function that a revision alone makes is no drift."""
    migrated = normalise(DUMP.format(more="", kind="FUNCTION"))
    found = [problem.what for problem in test_drift.problems(seedling, normalise(made), migrated, scope)]
    assert [said in what for said, what in zip(lines, found, strict=True)] == [True] * len(lines), found
