"""Variables that look like settings and are none, mostly typing errors: told, and never a reason to refuse the start."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator

import structlog
from dotenv import dotenv_values

from app.core import registry
from app.core.settings import CoreSettings, declared, prefix
from app.core.state import Playhall

# Between processes of ours; nobody sets them by hand.
_OURS = frozenset({"PLAYHALL_MANAGEMENT_FD", "PLAYHALL_SERVED"})


def warn(playhall: Playhall) -> None:
    """Log a line for each."""
    for sentence in unknown(playhall):
        structlog.get_logger(__name__).warning(sentence)


def unknown(playhall: Playhall) -> Iterator[str]:
    """A sentence for each PLAYHALL_... that nothing reads, with the name that was meant; never with its value.

    What a plugin reads that is installed but off is not known without importing it: nothing is said of its prefix.
    """
    known = {one.env for one in declared(CoreSettings, "PLAYHALL_")}
    for name, values in playhall.plugin_settings.items():
        known |= {one.env for one in declared(type(values), prefix(name))}
    said = {name for name in {*os.environ, *dotenv_values(".env")} - _OURS if name.startswith("PLAYHALL_")}
    strange = {name for name in said - known if name.removesuffix("_FILE") not in known}
    if not strange:
        return
    on = {plugin.name for plugin in playhall.plugins}
    off = tuple(prefix(name) for name in registry.available() if name not in on)
    short = {name.removeprefix("PLAYHALL_"): name for name in known}
    for name in sorted(strange):
        if not name.startswith(off):
            close = difflib.get_close_matches(name.removeprefix("PLAYHALL_").removesuffix("_FILE"), short, 1)
            yield f"{name} is no setting; " + (f"did you mean {short[close[0]]}?" if close else "docs/settings.md lists them all")
