"""How a seed adds revisions to the seedling, and lines to its models."""

from __future__ import annotations

from app.scaffold.writing import SEEDLING

from .seed import Edit

FOLDER = "src/playhall_seedling/migrations"
FIRST = f"{FOLDER}/seedling_20261121_1_tickets.py"
MODELS = "src/playhall_seedling/models.py"
OUTSIDE = 'transactional = False\ntimeout = "1min"\n'

TEXT = '''"""Number {number}"""

from alembic import op

revision = "seedling_20261121_{number}"
down_revision = "seedling_20261121_{before}"
{declared}

def upgrade() -> None:
    {up}


def downgrade() -> None:
    {down}
'''


def revision(number: int, up: str, down: str = "", declared: str = "") -> dict[str, Edit]:
    """A file of the n-th revision. `up` and `down` are SQL, or begin with raise."""
    up, down = (text if text.startswith("raise") else f"op.execute({text!r})" if text else "pass" for text in (up, down))
    text = TEXT.format(number=number, before=number - 1, declared=declared, up=up, down=down)
    return {f"{FOLDER}/seedling_20261121_{number}_seed.py": text}


def alter(up: str, down: str = "", declared: str = "") -> dict[str, Edit]:
    """A second revision that alters the seedling's table."""
    return revision(2, f"ALTER TABLE seedling_ticket {up}", down and f"ALTER TABLE seedling_ticket {down}", declared)


def model(column: str, imports: str = "") -> dict[str, Edit]:
    """The models with another line in the table's class."""
    text = (SEEDLING / MODELS).read_text(encoding="utf-8").replace("import ForeignKey, ", f"import {imports}ForeignKey, ")
    return {MODELS: f"{text}    {column}\n"}
