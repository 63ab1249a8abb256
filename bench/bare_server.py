"""The product's server settings, for an application that has no health to watch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Read as gunicorn reads it: importing it would import the application with it, before gevent has patched anything.
exec(compile(Path("app/core/operating/server.py").read_text(), "app/core/operating/server.py", "exec"))


def post_worker_init(_worker: Any) -> None:
    """Watch nothing."""
