"""Threads and waiting of the operating system, also in a process where gevent has put its own in their place.

What must answer while everything else is stuck may not share a loop with it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any


def original(module: str, name: str) -> Any:
    """An attribute of the standard library as it was before gevent patched it, if it did."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey.get_original(module, name) if monkey else getattr(importlib.import_module(module), name)


def start(run: Callable[[], None]) -> None:
    """Run it in a thread that ends with the process. It must not touch anything that gevent patches."""
    original("_thread", "start_new_thread")(run, ())
