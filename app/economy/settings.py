"""The economy's settings, prefix PLAYHALL_ECONOMY_."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from playhall import setting

LONGEST = 32  # characters
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class EconomySettings:
    """What the economy deals in."""

    currencies: tuple[str, ...] = setting(("coin", "gem"), doc="The currencies that wallets hold.")

    def problems(self) -> Iterator[str]:
        """What is wrong with the currencies, a sentence for each."""
        env = "PLAYHALL_ECONOMY_CURRENCIES"
        if not self.currencies:
            yield f"{env}: name at least one currency, for example coin,gem"
        for name, count in Counter(self.currencies).items():
            if count > 1:
                yield f"{env}: {name!r} stands {count} times; name each currency once"
            if not _NAME.fullmatch(name):
                yield f"{env}: {name!r} is no name; write small letters, digits and _, beginning with a letter"
            elif len(name) > LONGEST:
                yield f"{env}: {name!r} has {len(name)} characters; the most is {LONGEST}"
