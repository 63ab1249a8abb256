"""Rows survive every revision, up and down; rows as only the new schema allows them do not stand in the way back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from playhall.testing.defects import Kind

from ...junit import WAIVED, waived_text
from ...scope import Scope
from ..conftest import Judge
from .conftest import Climbed, Told, problem_of

GATE = "stairway-data"
WHY = "On the night of a rollback the players' rows have to be there"

pytestmark = pytest.mark.xdist_group("migrations")


def test_stairway_data(told: Told, climbed: Climbed, scope: Scope, judge: Judge, record_property: Callable[[str, object], None]) -> None:
    """What a revision says that it loses is let through, and shown."""
    for one in climbed.climbs.values():
        for loss in one.losses:
            record_property(WAIVED, waived_text(problem_of(GATE, loss, WHY, scope), loss.do))
    judge(told(GATE, (Kind.ROWS, Kind.BLIND), WHY))
