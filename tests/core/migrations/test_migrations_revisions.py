"""What every revision file must hold, ours and everybody's; and that each rule can fail."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.migrating.revisions import next_id
from playhall.testing.revisions import problems
from tests.core.migrating import branch, write


def test_sound_branch_has_no_problems(tmp_path: Path) -> None:
    """No false alarm."""
    loot = branch(tmp_path / "loot")
    write(loot.folder, "loot", 1, "SELECT 1", "", declared='transactional = False\ntimeout = "1min"\nlossy: str = "reason"')
    write(loot.folder, "loot", 2, "SELECT 1", "")
    assert problems(loot) == []


BROKEN = {
    "imports of the application": (
        "import sqlalchemy as sa",
        "from app.core.models import Account",
        "imports app.core.models; write the tables out",
    ),
    "imports of a plugin": ("import sqlalchemy as sa", "import loot.models", "imports loot.models"),
    "imports of a neighbour": ("import sqlalchemy as sa", "from . import other", "imports a neighbour"),
    "imports late": ("    pass", "    import playhall", "imports playhall"),
    "imports by name": ("    pass", "    import importlib", "imports importlib"),
    "imports by function": ("    pass", "    __import__('app')", "imports something with __import__"),
    "foreign id": ('revision = "loot_20260101_1"', 'revision = "abc123"', "revision = 'abc123'; it must be loot_<yyyymmdd>_<n>"),
    "other file name": ('revision = "loot_20260101_1"', 'revision = "loot_20260101_9"', "the file's name must begin with loot_20260101_9"),
    "no down_revision": ("down_revision = None", "", "write down_revision, also when it is None"),
    "labels": ("down_revision = None", "down_revision = None\nbranch_labels = ('loot',)", "remove branch_labels"),
    "dependencies": ("down_revision = None", "down_revision = None\ndepends_on = 'core'", "remove depends_on"),
    "no time-out": ("down_revision = None", "down_revision = None\ntransactional = False", "needs a time-out of its own"),
    "no duration": ("down_revision = None", "down_revision = None\ntimeout = 'long'", "timeout = 'long' is no duration"),
    "leaves its transaction": ("    pass", "    with op.get_context().autocommit_block():\n        pass", "declare transactional = False"),
    "no Python": ("def downgrade", "def down grade", "this is no Python"),
    "no reason": ("down_revision = None", "down_revision = None\nlossy = ''", "lossy must say in words"),
    "no downgrade": ("def downgrade", "def backwards", "write downgrade()"),
    "two heads": ("down_revision = None", "down_revision = 'loot_20250101_1'", "cannot be read"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rule_is_found(tmp_path: Path, name: str) -> None:
    """Each rule, broken once, is named with the file."""
    old, new, message = BROKEN[name]
    loot = branch(tmp_path / "loot")
    write(loot.folder, "loot", 1, "SELECT 1", "")
    path = loot.folder / "loot_20260101_1_n.py"
    source = path.read_text()
    assert old in source
    path.write_text(source.replace(old, new))
    found = problems(loot)
    assert any(message in problem for problem in found), found


def test_ids_of_one_day_are_counted(tmp_path: Path) -> None:
    """The plugin, the day in UTC, and a number."""
    loot = branch(tmp_path / "loot")
    write(loot.folder, "loot", 1, "SELECT 1", "")
    assert next_id(loot, datetime(2026, 1, 1, 23, tzinfo=UTC)) == "loot_20260101_2"
    assert next_id(loot, datetime(2026, 1, 2, tzinfo=UTC)) == "loot_20260102_1"
