"""Write a new plugin's distribution: the seedling, under another name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from app.core.plugin import NAME
from app.core.registry import available, reserved_names

SEEDLING = Path(__file__).with_name("playhall-seedling")
WORD, DAY = "seedling", "20261121"  # what its files say, and when its revision was made


class Refused(Exception):
    """Nothing was written; the message says what to do."""


def write(name: str, into: Path) -> None:
    """Write the distribution playhall-<name> into a folder that is empty or not there yet, or raise Refused."""
    if problem := name_problem(name) or _folder_problem(into):
        raise Refused(problem)
    try:
        for path, text in rendered(name):
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            (into / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{error.filename} cannot be written: {error.strerror}; name another folder with --into") from error


def rendered(name: str) -> Iterator[tuple[Path, str]]:
    """The files of a plugin of that name, and where each belongs."""
    words = {WORD: name, WORD.capitalize(): name.capitalize(), WORD.upper(): name.upper(), DAY: f"{datetime.now(UTC):%Y%m%d}"}
    pattern = re.compile("|".join(words))

    def renamed(text: str) -> str:
        return pattern.sub(lambda found: words[found[0]], text)

    for path in sorted(SEEDLING.rglob("*")):
        target = path.relative_to(SEEDLING)
        # Tools that look at our sources leave caches behind.
        if path.is_file() and "cache" not in str(target):
            yield Path(renamed(str(target))), renamed(path.read_text(encoding="utf-8"))


def name_problem(name: str) -> str | None:
    """Why a plugin cannot be called that, and what to do."""
    if not NAME.fullmatch(name):
        better = re.sub("^[^a-z]+|[^a-z0-9]", "", name.lower())[:30]
        hint = f"for example {better!r}" if NAME.fullmatch(better) else "for example 'loot'"
        return f"{name!r} is no name for a plugin: choose 2 to 30 small letters and digits, a letter first, {hint}"
    if name in reserved_names():
        return f"{name!r} is reserved for the core; choose another name"
    if taken := available().get(name):
        return f"{name!r} is taken by {taken[0].value}, which is installed; choose another name, or uninstall that one"
    return None


def _folder_problem(folder: Path) -> str | None:
    if folder.is_dir() and any(folder.iterdir()):
        return f"{folder} is there and not empty; move it away, or name another folder with --into"
    if folder.exists() and not folder.is_dir():
        return f"{folder} is there and no folder; move it away, or name another folder with --into"
    return None
