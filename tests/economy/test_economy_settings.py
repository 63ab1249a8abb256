"""Which currencies there are is said once, in names that can stand in a column, a URL and a sentence."""

from __future__ import annotations

import pytest

from app.core.settings import SettingsError, prefix, read
from app.economy.settings import EconomySettings


def currencies(monkeypatch: pytest.MonkeyPatch, said: str) -> tuple[str, ...]:
    monkeypatch.setenv("PLAYHALL_ECONOMY_CURRENCIES", said)
    made: EconomySettings = read({prefix("economy"): EconomySettings})[prefix("economy")]
    return made.currencies


def test_currencies_of_a_game_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any names, in the order in which they are said."""
    assert currencies(monkeypatch, "coin, gem_2,a" + "b" * 31) == ("coin", "gem_2", "a" + "b" * 31)


@pytest.mark.parametrize(
    ("said", "problems"),
    [
        ("", ["name at least one currency, for example coin,gem"]),
        (" , ", ["name at least one currency, for example coin,gem"]),
        ("coin,gem,coin", ["'coin' stands 2 times; name each currency once"]),
        ("Coin", ["'Coin' is no name; write small letters, digits and _, beginning with a letter"]),
        ("2gem,ge m", [f"{name!r} is no name; write small letters, digits and _, beginning with a letter" for name in ("2gem", "ge m")]),
        ("gemä", ["'gemä' is no name; write small letters, digits and _, beginning with a letter"]),
        ("c" * 33, [f"{'c' * 33!r} has 33 characters; the most is 32"]),
    ],
)
def test_currencies_that_cannot_be(monkeypatch: pytest.MonkeyPatch, said: str, problems: list[str]) -> None:
    """One sentence for each mistake."""
    with pytest.raises(SettingsError) as caught:
        currencies(monkeypatch, said)
    assert str(caught.value).splitlines() == [f"PLAYHALL_ECONOMY_CURRENCIES: {problem}" for problem in problems]
