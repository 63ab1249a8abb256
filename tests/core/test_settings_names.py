"""A name that looks like a setting and is none is told, with the name that was meant; nothing is refused for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from booting import boot, install, manifest

from app.core import registry
from app.core.settings import CoreSettings
from app.core.settings_names import unknown
from app.core.state import Playhall
from app.economy.settings import EconomySettings


@pytest.fixture
def playhall(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Playhall:
    """The core, the economy and the shop, where no `.env` is."""
    monkeypatch.chdir(tmp_path)
    plugins = tuple(registry.load(name) for name in ("economy", "shop"))
    return Playhall(settings=CoreSettings(), plugins=plugins, plugin_settings={"economy": EconomySettings()})


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("PLAYHALL_SECRET_KEY", "PLAYHALL_SECRET_KEY is no setting; did you mean PLAYHALL_SECRET_KEYS?"),
        ("PLAYHALL_SECRET_KEY_FILE", "PLAYHALL_SECRET_KEY_FILE is no setting; did you mean PLAYHALL_SECRET_KEYS?"),
        ("PLAYHALL_DATABASE_URL", "PLAYHALL_DATABASE_URL is no setting; did you mean DATABASE_URL?"),
        ("PLAYHALL_ECONOMY_CURRENCY", "PLAYHALL_ECONOMY_CURRENCY is no setting; did you mean PLAYHALL_ECONOMY_CURRENCIES?"),
        ("PLAYHALL_XYZ", "PLAYHALL_XYZ is no setting; docs/settings.md lists them all"),
        ("PLAYHALL_SHOP_X", "PLAYHALL_SHOP_X is no setting; docs/settings.md lists them all"),
    ],
)
def test_the_name_that_was_meant_is_guessed(playhall: Playhall, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str) -> None:
    """Also for the form that names a file, and for a plugin that is on; the value is not told."""
    monkeypatch.setenv(name, "planted-secret")
    assert list(unknown(playhall)) == [sentence]


@pytest.mark.parametrize(
    "name",
    [
        "PLAYHALL_DEBUG",
        "PLAYHALL_SECRET_KEYS_FILE",
        "PLAYHALL_ECONOMY_CURRENCIES",
        "PLAYHALL_GACHA_ANYTHING",
        "PLAYHALL_SERVED",
        "OTHER",
    ],
)
def test_what_is_known_or_cannot_be_known_is_not_told(playhall: Playhall, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Settings, their files, what belongs to a plugin that is installed but off, our own, and what is not ours."""
    monkeypatch.setenv(name, "1")
    assert list(unknown(playhall)) == []


def test_the_file_of_the_checkout_counts(playhall: Playhall, tmp_path: Path) -> None:
    """Most typing errors are made there."""
    (tmp_path / ".env").write_text("PLAYHALL_WORKER=3\nPLAYHALL_LOGLEVEL=debug\n")
    assert [sentence.split()[0] for sentence in unknown(playhall)] == ["PLAYHALL_LOGLEVEL", "PLAYHALL_WORKER"]


def test_it_is_a_warning_at_start_and_no_reason_to_refuse(tmp_path: Path) -> None:
    """One line; a plugin that is installed and off is not imported for it."""
    install(tmp_path, "loot", {"__init__.py": "raise RuntimeError('imported')"})
    install(tmp_path, "bow", {"__init__.py": manifest("bow")})
    done = boot(tmp_path, "shop,bow", PLAYHALL_SECRET_KEY="planted-secret", PLAYHALL_LOOT_ODDS="1", PLAYHALL_BOW_STRING="1")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "is no setting" in line]
    assert ["PLAYHALL_BOW_STRING" in lines[0], "PLAYHALL_SECRET_KEY is no setting; did you mean PLAYHALL_SECRET_KEYS?" in lines[1]] == [
        True,
        True,
    ]
    assert (len(lines), "planted-secret" in done.stderr, "[warning" in lines[1]) == (2, False, True)
