"""Seeded defects: the proof that each gate can fail."""

from . import structure
from .seed import Seed

SEEDS: tuple[Seed, ...] = (*structure.SEEDS,)
