"""The benchmark itself works: every part, each way of sending load, and the verdict. How fast it is, is no test's business."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from bench.load import generators
from bench.report import AIMS, TITLES, Figure, Round, table
from playhall.testing.services import Services


def rounds(*, nothing: float, write: float) -> list[Round]:
    """Rounds in which the bare route takes 100 µs and PostgreSQL writes 1,000 times a second."""
    figures = {part: Figure(500, 100) for part in TITLES}
    figures |= {"nothing": Figure(500, nothing), "write": Figure(write, 100), "pgbench write": Figure(1000)}
    return [figures] * 3


@pytest.mark.parametrize("load", generators())
def test_every_part_is_measured_and_told(load: str, services: Services, scratch_database: str) -> None:
    """A run of a second each has a line for every part, with its ratios, and an exit code that agrees with the aims."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "--rounds", "1", "--seconds", "1", "--load", load],
        env={**os.environ, "BENCH_DATABASE_URL": scratch_database, "BENCH_REDIS_URL": services.redis_url},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == ("missed: " in ran.stdout), ran.stdout + ran.stderr
    for title in TITLES.values():
        assert re.search(rf"^\| {re.escape(title)} +\| +[\d,]*[1-9]", ran.stdout, re.MULTILINE), ran.stdout
    assert ran.stdout.count("synchronous_commit") == 1
    assert f"The load came from {load}" in ran.stdout


def test_a_missed_aim_is_named_with_what_was_measured() -> None:
    missed = [aim.missed(rounds(nothing=310, write=240)) for aim in AIMS]
    assert [bool(sentence) for sentence in missed] == [True, True]
    assert "at most 3, measured 3.10" in str(missed[0])
    assert "at least 0.25, measured 0.24" in str(missed[1])


def test_an_aim_that_is_just_met_is_not_missed() -> None:
    assert [aim.missed(rounds(nothing=300, write=250)) for aim in AIMS] == [None, None]


def test_a_ratio_is_taken_within_its_round() -> None:
    """A machine that is twice as slow in the second round changes no ratio."""
    slow = {
        part: Figure(figure.rate / 2, figure.cpu * 2 if figure.cpu else None) for part, figure in rounds(nothing=200, write=500)[0].items()
    }
    line = next(line for line in table([*rounds(nothing=200, write=500), slow]).splitlines() if TITLES["write"] in line)
    assert "0.50 (0.50-0.50)" in line
