"""A branch touches only what carries its prefix; the only foreign key out of it points at core_account.id."""

from __future__ import annotations

import pytest

from playhall.testing.defects import Kind

from ..conftest import Judge
from .conftest import Told

GATE = "ownership"

pytestmark = pytest.mark.xdist_group("migrations")


def test_ownership(told: Told, judge: Judge) -> None:
    """Whatever the name of the file says: what is compared is the database before and after."""
    judge(told(GATE, (Kind.OWNERSHIP,), "Otherwise neither of the two plugins can be changed or removed without the other"))
