"""What the tests of the embedded servers share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def reachable() -> Iterator[Path]:
    """An empty folder that another user may enter: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="playhall-open-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
