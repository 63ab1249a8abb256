"""docs/gates.md: every gate and every seed, written by `selftest` once all seeds were caught."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from .gate import Check, Gate, Tier, Tool
from .scope import HOME
from .seeds.seed import Seed

PAGE = Path("docs") / "gates.md"

HEAD = """# Gates

Written by `python -m ci selftest` after every seed below was caught; do not edit.

A gate is a check that must hold before code lands, the same for Playhall and for a plugin in a repository of its own.

In a checkout the command is `python -m ci`, in a plugin's repository `python -m playhall.ci`, with `--plugin NAME` behind `run`.

| to | |
|---|---|
| run what a change must pass | `python -m ci run` |
| run what takes seconds and no database | `python -m ci run --fast` |
| run everything | `python -m ci run --nightly`, with `requirements/nightly.txt` or `playhall[nightly]` installed |
| run some | `python -m ci run lint jobs` |
| see a plugin's beside its `QUALITY.md` | `flask plugin check NAME`, in the plugin's folder |
| prove that each can fail | `python -m ci selftest`, or some: `python -m ci selftest -k stairway` |

It ends with 0 when all hold, with 1 when one failed, with 2 when one could not run, which is never green. A gate that is left out, because
there is no git history to compare with, is named; with `CI` set, or when it was asked for by its name, that is a 2 as well. `build/gates/`
has JUnit XML, a summary as JSON and one as Markdown; `python -m ci report` says the last run again.

What a project says in its `setup.cfg`:

| section | key | what it is |
|---|---|---|
| `[ci]` | `base` | What a change is compared with; default `origin/main`. |
| | `baseline` | The file of bars; default `ci/baseline.ini`. |
| | `mutation_minutes` | How long `mutation` may try; default 30. What it has not come to by then does not count. |
| | `mutation_without` | Tests that cannot run on a mutated copy. |
| `[ci:plugin:NAME]` | `tests` | The folder of its tests; default `tests`. |
| | `openapi` | Its checked-in OpenAPI document; default `docs/openapi.json`. |
| | `samples` | `table.column = value` lines, where a value cannot be guessed from the schema. |
| | `payload.JOB` | `{"argument": value}`, where a job does not run with what is made from its types. |
| | `path.PARAMETER` | A value for a parameter of a path, where no row gives one. |
| `[ci:waiver:ANY]` | `gate`, `object` | Lets one thing of one gate pass: the file its line names, or the `subject` in summary.json. |
| | `reason`, `expires` | Why, and until the end of which day (`2027-01-31`); expired it is red. |

Bars (`[coverage]` and `[mutation]` in the baseline file, one number per plugin) are read as they are at the merge base, so no change lowers
its own. `python -m ci baseline --raise` raises them to what the last run measured.
"""


def page(gates: Iterable[Gate], seeds: Sequence[Seed]) -> str:
    """The whole page."""
    whens = {Tier.FAST: "before a commit", Tier.CHANGE: "for a change", Tier.NIGHTLY: "at night"}
    found = [(f"`{gate.id}`", gate.proves, whens[gate.tier], _needs(gate), _how(gate)) for gate in gates]
    caught = [(f"`{seed.gate}`", seed.name) for seed in seeds]
    return (
        HEAD
        + f"\n## The {len(found)} gates\n\n"
        + _table(("gate", "what it proves", "when", "what it needs", "how"), found)
        + f"\n## The {len(caught)} seeds\n\nEach is a defect, sown into a sound plugin; its gate, and no accident, turned red.\n\n"
        + _table(("gate", "defect"), caught)
    )


def _needs(gate: Gate) -> str:
    return ", ".join(need.value for need in gate.needs) or "nothing"


def _how(gate: Gate) -> str:
    """What the module that does it says of itself."""
    if isinstance(gate.by, Tool):
        said = sys.modules[gate.by.argv.__module__].__doc__
        return _first(said)
    assert isinstance(gate.by, Check)
    return _first(ast.get_docstring(ast.parse(gate.by.path.read_text(encoding="utf-8"))))


def _first(said: str | None) -> str:
    return (said or "").strip().splitlines()[0]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines, ""])


def write(gates: Iterable[Gate], seeds: Sequence[Seed], root: Path = HOME.parent) -> Path:
    """Write it into the checkout."""
    (root / PAGE).write_text(page(gates, seeds), encoding="utf-8")
    return PAGE
