"""No revision makes players wait: nothing is rewritten or read from end to end under a lock, no table is changed as a whole."""

from __future__ import annotations

import pytest

from playhall.testing.defects import Kind

from ..conftest import Judge
from .conftest import Told

GATE = "locks"

pytestmark = pytest.mark.xdist_group("migrations")


def test_locks(told: Told, judge: Judge) -> None:
    """Measured in each revision's transaction before its commit, on tables with rows."""
    judge(told(GATE, (Kind.LOCKS,), "On a large table that takes minutes, and every request that needs it fails meanwhile"))
