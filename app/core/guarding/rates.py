"""Rates: how often something may happen, as settings spell it and as counters need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from limits import parse_many


@dataclass(frozen=True)
class Rate:
    """At most `amount` in a window of `seconds`, counted under `name`."""

    name: str
    amount: int
    seconds: int

    @cached_property
    def prefix(self) -> bytes:
        """What the key of each subject begins with. The window is part of it: a limit may have several, and settings change."""
        return f"playhall:limit:{self.name}:{self.seconds}:".encode()

    @cached_property
    def arguments(self) -> tuple[bytes, bytes]:
        """Amount and window in milliseconds, as the counting script takes them."""
        return b"%d" % self.amount, b"%d" % (self.seconds * 1000)


def parse(name: str, text: str) -> tuple[Rate, ...]:
    """The rates of a limit, for example "10/second;600/minute"; raises ValueError with what is wrong."""
    try:
        rates = tuple(Rate(name, one.amount, one.get_expiry()) for one in parse_many(text))
    except ValueError:
        raise ValueError(f"{text!r} is not a rate; write for example '600/minute' or '10/second;600/minute'") from None
    if any(rate.amount < 1 or rate.seconds < 1 for rate in rates):
        raise ValueError(f"{text!r} lets nothing pass; a rate is at least 1")
    if len({rate.seconds for rate in rates}) != len(rates):
        raise ValueError(f"{text!r} has two rates for one window; keep the smaller")
    return rates


def problems(declared: Mapping[str, str], overrides: Mapping[str, str]) -> list[str]:
    """What is wrong with the limits that plugins declare and with the settings that override them."""
    known = ", ".join(sorted(declared))
    found = [f"PLAYHALL_LIMITS: there is no limit {name!r}; there are {known}" for name in sorted(set(overrides) - set(declared))]
    for where, limits in (("limit", declared), ("PLAYHALL_LIMITS:", overrides)):
        for name, text in sorted(limits.items()):
            try:
                parse(name, text)
            except ValueError as error:
                found.append(f"{where} {name}: {error}")
    return found
