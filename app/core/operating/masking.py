"""Nothing secret in a log: by the name it goes under, by what it looks like, and by what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any

HIDDEN = "***"
SHORTEST = 8  # a shorter secret would hide parts of ordinary words

_NAMES = (
    r"pass(?:word|wd|phrase|code)|secret|token|authorization|cookie|credential|api[_-]?key|private[_-]?key"
    r"|signature|otp\b|session[_-]?id"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_TEXT = re.compile(
    r"(?P<before>\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"  # an Authorization header
    r"|eyJ[\w-]{4,}\.[\w-]{2,}(?:\.[\w-]*)*"  # a token
    r"|(?P<user>://[^/\s:@]*:)[^/\s@]+(?=@)"  # a password in an address
    rf"|(?P<name>(?:{_NAMES})[\w-]*[\"']?\s*(?:=|:|=>)\s*(?:(?:bearer|basic)\s+)?)(?:[\"'][^\"']*[\"']|[^\s\"',;&)}}\]]+)"  # password=...
    r"|(?P<row>Failing row contains )\(.*\)",  # PostgreSQL quotes the whole row
    re.IGNORECASE,
)
# Looked for first: most texts hold none of these, and the pattern is slow.
_HINTS: tuple[str, ...] = ("pass", "secret", "token", "auth", "cookie", "cred", "key", "signature", "otp", "session")
_HINTS += ("bearer", "basic", "eyj", "://", "failing")
_PLAIN = frozenset({"timestamp", "level", "logger"})  # ours, and in every line
_DEEPEST = 6


class Mask:
    """A structlog processor that hides what is secret in a line; everything in it is plain data afterwards."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None
        self._short = lru_cache(2048)(self._masked)  # methods, routes, events: the same few again and again

    def __call__(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for key, value in line.items():
            if key not in _PLAIN:
                line[key] = self._value(key, value, 0)
        return line

    def text(self, text: str) -> str:
        """The text without what is, or looks like, a secret."""
        return self._short(text) if len(text) < 64 else self._masked(text)

    def _masked(self, text: str) -> str:
        if self._known:
            text = self._known.sub(HIDDEN, text)
        lower = text.lower()
        for hint in _HINTS:
            if hint in lower:
                return _TEXT.sub(_keep_name, text)
        return text

    def _value(self, key: object, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if _is_secret(key):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float):
            return value
        if isinstance(value, Mapping) and depth < _DEEPEST:
            return {self.text(str(name)): self._value(name, one, depth + 1) for name, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
            return [self._value(None, one, depth + 1) for one in value]
        return self.text(_words(value))


@lru_cache(4096)
def _is_secret(key: object) -> bool:
    return isinstance(key, str) and _NAME.search(key) is not None


def _keep_name(found: re.Match[str]) -> str:
    return (found["before"] or found["user"] or found["name"] or found["row"] or "") + HIDDEN


def _words(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - what is logged may be half made
        return f"<{type(value).__name__}>"
