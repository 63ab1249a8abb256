"""Every revision up, down and up again leaves the exact same schema: types, defaults, CHECKs, triggers and grants as well."""

from __future__ import annotations

import pytest

from playhall.testing.defects import Kind

from ..conftest import Judge
from .conftest import Told

GATE = "stairway"

pytestmark = pytest.mark.xdist_group("migrations")


def test_stairway(told: Told, judge: Judge) -> None:
    """Going from the head to nothing would hide what a table's end takes with it; so each is taken back alone."""
    judge(told(GATE, (Kind.FAILED, Kind.SCHEMA), "A release that is taken back would leave a database that no revision made"))
