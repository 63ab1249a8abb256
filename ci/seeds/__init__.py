"""Seeded defects: the proof that each gate can fail."""

from . import structure, testing
from .seed import Seed

SEEDS: tuple[Seed, ...] = (*structure.SEEDS, *testing.SEEDS)
