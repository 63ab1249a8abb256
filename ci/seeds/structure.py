"""Defects of the code itself."""

from __future__ import annotations

from .seed import Seed

_STRAY = "src/playhall_seedling/stray.py"
_API, _JOBS, _SETTINGS = (f"src/playhall_seedling/{name}.py" for name in ("api", "jobs", "settings"))
_PRINT = "    service.print_ticket(account_id, ticket_id)\n"
_RIDE = """
    session().execute(insert(Ticket).values(account_id=account_id, id=uuid7(), ride="again"))
    session().commit()
"""
_MORE = """
    enqueue("seedling.print_ticket", {"account_id": account_id, "ticket_id": ticket_id})
    session().commit()
"""


def _job(imports: str, work: str) -> str:
    """The module of jobs, with more work after the printing."""
    head = f'"""What happens after a ticket was taken."""\n\nfrom uuid import UUID\n\n{imports}\n\n\n'
    return f'{head}def print_ticket(account_id: UUID, ticket_id: UUID) -> None:\n    """Print it."""\n{_PRINT}{work}'


SEEDS = (
    Seed(gate="lint", name="an import that nobody uses", says="F401", edits={_STRAY: "import os\n"}),
    Seed(
        gate="lint",
        name="a shell command from text",
        says="S602",
        edits={
            _STRAY: (
                'import subprocess\n\n\ndef run(text: str) -> None:\n    """Run it."""\n    subprocess.run(text, shell=True, check=True)\n'
            )
        },
    ),
    Seed(
        gate="format",
        name="layout by hand",
        says="ruff format src/playhall_seedling/stray.py",
        edits={_STRAY: "x  =  1\n"},
    ),
    Seed(
        gate="types",
        name="a text where a number is promised",
        says="Incompatible types",
        edits={_STRAY: 'NUMBER: int = "one"\n'},
    ),
    Seed(
        gate="types",
        name="a function without types",
        says="no-untyped-def",
        edits={_STRAY: "def stray(x):\n    return x\n"},
    ),
    Seed(
        gate="boundaries",
        name="the core's inside",
        says="imports app.core",
        edits={_STRAY: 'from app.core.db import db\n\n__all__ = ["db"]\n'},
    ),
    Seed(
        gate="boundaries",
        name="another plugin's inside",
        says="imports app.plugins.shop.models",
        edits={_STRAY: 'from app.plugins.shop.models import Product\n\n__all__ = ["Product"]\n'},
    ),
    Seed(
        gate="secrets",
        name="a token in a new file",
        says="GitHub Token",
        edits={_STRAY: f'TOKEN = "{"ghp" + "_" + "0aB1cD" * 6}"\n'},
    ),
    Seed(gate="deps", name="an import that is not declared", says="DEP003", edits={_STRAY: 'import yaml\n\n__all__ = ["yaml"]\n'}),
    Seed(
        gate="jobs",
        name="a job that commits by itself",
        says="seedling_ticket has 4 rows where one run leaves 3",
        edits={
            _JOBS: _job(
                "from playhall import session, uuid7\nfrom sqlalchemy import insert\n\nfrom playhall_seedling import service\n"
                "from playhall_seedling.models import Ticket",
                _RIDE,
            )
        },
    ),
    Seed(
        gate="jobs",
        name="a job that asks for another and commits by itself",
        says="core_job has",
        edits={_JOBS: _job("from playhall import enqueue, session\n\nfrom playhall_seedling import service", _MORE)},
    ),
    Seed(
        gate="jobs",
        name="a second attempt that fails on what the first left",
        says="the second raises",
        edits={
            _JOBS: _job(
                "from playhall import current_job, session\nfrom sqlalchemy import insert\n\nfrom playhall_seedling import service\n"
                "from playhall_seedling.models import Ticket",
                _RIDE.replace("uuid7()", "current_job().id"),
            )
        },
    ),
    Seed(
        gate="jobs",
        name="an argument that cannot travel",
        says="cannot travel",
        edits={_JOBS: ("ticket_id: UUID", "ticket_id: float")},
    ),
    Seed(
        gate="jobs",
        name="a job that nothing is proved about",
        says="payload.print_ticket = ",
        edits={_JOBS: (_PRINT, '    raise LookupError("there is no such printer")\n')},
    ),
    Seed(
        gate="docs",
        name="a setting that no document names",
        says="no document names the setting PLAYHALL_SEEDLING_PRICE",
        edits={_SETTINGS: ("    tickets_per_day", '    price: int = setting(1, doc="What a ticket costs.")\n    tickets_per_day')},
    ),
    Seed(
        gate="docs",
        name="an error that no document names",
        says="no document names the error seedling.no_ticket_left",
        edits={"README.md": ("`seedling.no_ticket_left`", "none")},
    ),
    Seed(
        gate="docs",
        name="an event that no document names",
        says="no document names the event seedling.ticket_taken.v1",
        edits={"README.md": ("`seedling.ticket_taken.v1`", "none")},
    ),
    Seed(
        gate="docs",
        name="no word on how to remove it",
        says="no heading with the word remove",
        edits={"README.md": ("## Remove", "## More")},
    ),
    Seed(
        gate="docs",
        name="an example that imports what is not there",
        says="playhall has no Plugins",
        edits={"docs/more.md": "```python\nfrom playhall import Plugins\n```\n"},
    ),
    Seed(
        gate="docs",
        name="a command that does not exist",
        says="flask has no command plugin removes",
        edits={"README.md": ("plugin remove seedling", "plugin removes seedling")},
    ),
    Seed(
        gate="docs",
        name="a rule that QUALITY.md leaves out",
        says="it does not name the rule lint",
        edits={"QUALITY.md": ("| lint | proven |\n", "")},
    ),
    Seed(
        gate="docs",
        name="an exemption without a reason",
        says="neither proven nor exempt for a reason",
        edits={"QUALITY.md": ("| lint | proven |", "| lint | exempt: |")},
    ),
    Seed(
        gate="mutation",
        name="a test that looks at half of what it tests",
        says="below its bar of 70.0 %: nothing noticed",
        edits={
            _STRAY: '"""A stray module."""\n\n\ndef price(count: int) -> int:\n    """Give the price of so many."""\n'
            "    return count * 3 if count < 10 else count * 2\n",
            "tests/test_stray.py": "from playhall_seedling.stray import price\n\n\ndef test_price() -> None:\n    assert price(1) > 0\n",
        },
    ),
)
