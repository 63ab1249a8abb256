"""Defects of the code itself."""

from __future__ import annotations

from .seed import Seed

_SERVICE = "src/playhall_seedling/service.py"

SEEDS = (
    Seed(gate="lint", name="an import that nobody uses", says="F401", edits={"src/playhall_seedling/stray.py": "import os\n"}),
    Seed(
        gate="lint",
        name="a shell command from text",
        says="S602",
        edits={
            "src/playhall_seedling/stray.py": (
                'import subprocess\n\n\ndef run(text: str) -> None:\n    """Run it."""\n    subprocess.run(text, shell=True, check=True)\n'
            )
        },
    ),
    Seed(
        gate="format",
        name="layout by hand",
        says="ruff format src/playhall_seedling/stray.py",
        edits={"src/playhall_seedling/stray.py": "x  =  1\n"},
    ),
    Seed(
        gate="types",
        name="a text where a number is promised",
        says="Incompatible types",
        edits={"src/playhall_seedling/stray.py": 'NUMBER: int = "one"\n'},
    ),
    Seed(
        gate="types",
        name="a function without types",
        says="no-untyped-def",
        edits={"src/playhall_seedling/stray.py": "def stray(x):\n    return x\n"},
    ),
    Seed(
        gate="boundaries",
        name="the core's inside",
        says="imports app.core",
        edits={"src/playhall_seedling/stray.py": 'from app.core.db import db\n\n__all__ = ["db"]\n'},
    ),
    Seed(
        gate="boundaries",
        name="another plugin's inside",
        says="imports app.plugins.shop.models",
        edits={"src/playhall_seedling/stray.py": 'from app.plugins.shop.models import Product\n\n__all__ = ["Product"]\n'},
    ),
)
