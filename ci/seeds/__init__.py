"""Seeded defects: the proof that each gate can fail."""

from . import migrations, stairway, structure, testing
from .seed import Seed

SEEDS: tuple[Seed, ...] = (*structure.SEEDS, *stairway.SEEDS, *migrations.SEEDS, *testing.SEEDS)
