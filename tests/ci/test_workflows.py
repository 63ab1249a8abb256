"""The workflows are what GitHub understands, they call what a person calls, and they may do no more than they must."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

from app.scaffold.writing import SEEDLING
from ci.__main__ import _parser

ROOT = Path(__file__).resolve().parents[2]
OURS = sorted((ROOT / ".github/workflows").glob("*.yml"))
AUTHORS = SEEDLING / ".github/workflows/gates.yml"
SERVERS = ("on-servers.yml", "plugin-gates.yml")

SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
VERSION = SETUP["metadata"]["version"]


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load(path)
    return document


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(path)["jobs"]
    return found


def uses(path: Path) -> Iterator[str]:
    """The actions and workflows that a workflow uses."""
    for job in jobs(path).values():
        yield from (step["uses"] for step in (job, *job.get("steps", ())) if "uses" in step)


def commands(path: Path) -> Iterator[list[str]]:
    """The words of each command that a workflow runs."""
    for job in jobs(path).values():
        for text in (job.get("with", {}).get("command", ""), *(step.get("run", "") for step in job.get("steps", ()))):
            yield from (shlex.split(line) for line in text.splitlines())


def test_they_are_what_github_understands() -> None:
    """The schema that GitHub's editors use."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, [*OURS, AUTHORS])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.name))
def test_every_command_exists(path: Path) -> None:
    """A person can type the same."""
    unknown = [" ".join(words) for words in commands(path) if not exists(words)]
    assert unknown == []


def exists(words: list[str]) -> bool:
    """Whether a command of this repository, or of Python, is there to be called so."""
    match words:
        case ["bash", script]:
            return (ROOT / script).is_file()
        case ["make", target]:
            return re.search(rf"(?m)^{target}:", (ROOT / "Makefile").read_text()) is not None
        case [".venv/bin/python", "-m", "ci", *arguments] | ["python", "-m", "playhall.ci", *arguments]:
            return _parser().parse_args(arguments) is not None
        case [_, "-m", "pip", "install", *what]:
            return all(installable(one) for one in what)
        case [".venv/bin/python", "-m", "build"] | ["python", "-m", "venv", _] | ["test", *_] | ["${{", "inputs.command", "}}"]:
            return True
        case [program, "plugin", "list"]:
            return program.endswith("/flask")
        case _:
            return False


def installable(what: str) -> bool:
    """An option, this checkout, what was built from it, a file of pins, or Playhall with extras that it has."""
    if what.startswith("playhall["):
        return Requirement(what.replace("$PLAYHALL", VERSION)).extras <= set(SETUP["options.extras_require"])
    return what in ("--require-hashes", "--editable", ".", "-r", "dist/*.whl") or (ROOT / what).is_file()


def test_what_does_not_exist_is_noticed() -> None:
    """Neither a target, nor a gate, nor a file, nor an extra."""
    gone = ("make gone", "bash .ci/gone", ".venv/bin/python -m pip install -r requirements/gone.txt", "gone")
    assert [line for line in gone if exists(line.split())] == []
    assert not installable("playhall[gone]==$PLAYHALL")
    with pytest.raises(SystemExit):
        exists([".venv/bin/python", "-m", "ci", "run", "gone"])


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.name))
def test_they_may_only_read(path: Path) -> None:
    """But for the one job that publishes, which holds no secret."""
    assert load(path)["permissions"] == {"contents": "read"}
    more = {name: job["permissions"] for name, job in jobs(path).items() if "permissions" in job}
    assert more == ({"publish": {"id-token": "write"}} if path.name == "release.yml" else {})
    assert "secrets." not in path.read_text()


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.name))
def test_what_others_wrote_is_pinned_to_a_major_version(path: Path) -> None:
    """Each in the same way; what is ours is used from where it is."""
    for name in uses(path):
        ours = name.startswith("./") and (ROOT / name).is_file()
        assert ours or re.fullmatch(r"[\w-]+/[\w-]+@(release/)?v\d+", name), name


def test_checkouts_leave_no_token_behind() -> None:
    """A test could read it."""
    steps = [step for path in OURS for job in jobs(path).values() for step in job.get("steps", ())]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 3
    # Gates compare with the merge base and the last release.
    assert all(step["with"] == {"fetch-depth": 0, "persist-credentials": False} for step in checkouts)


def test_gates_run_on_the_same_servers_everywhere() -> None:
    """Those whose addresses the tests are told, in a database that may be thrown away."""
    ours, authors = (next(iter(jobs(ROOT / ".github/workflows" / name).values())) for name in SERVERS)
    assert ours["services"] == authors["services"]
    assert set(ours["services"]) == {"postgres", "redis"}
    assert ours["env"].items() <= authors["env"].items()
    assert ours["env"]["TEST_DATABASE_URL"].endswith("/" + ours["services"]["postgres"]["env"]["POSTGRES_DB"])
    assert ours["services"]["postgres"]["env"]["POSTGRES_DB"].endswith("_test")


def test_an_author_needs_five_lines() -> None:
    """And gets the gates of the version that is in them."""
    assert len(AUTHORS.read_text().splitlines()) == 5
    (name,) = uses(AUTHORS)
    assert name == f"playhall/playhall/.github/workflows/plugin-gates.yml@v{VERSION}"
    gates = load(ROOT / ".github/workflows/plugin-gates.yml")["on"]["workflow_call"]
    assert gates["inputs"]["playhall"]["default"] == VERSION
    asked = {key for key, value in gates["inputs"].items() if value.get("required")}
    assert {key for job in jobs(AUTHORS).values() for key in job["with"]} == asked == {"plugin"}
    assert name in (ROOT / ".github/workflows/plugin-gates.yml").read_text()
