"""Seeded defects: the proof that each gate can fail."""

from . import answers, api, breaking, migrations, stairway, structure, testing
from .seed import Seed

SEEDS: tuple[Seed, ...] = (
    *api.SEEDS,
    *answers.SEEDS,
    *breaking.SEEDS,
    *structure.SEEDS,
    *stairway.SEEDS,
    *migrations.SEEDS,
    *testing.SEEDS,
)
