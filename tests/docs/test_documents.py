"""docs/settings.md and docs/errors.md say what the code says, and all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app.core.errors import DomainError
from app.core.settings import Declared
from app.core.web.documents import Section, advice, default, errors_page, kind, sections, settings_page

ROOT = Path(__file__).parents[2]


@pytest.fixture
def found(migrated_app: Flask) -> list[Section]:
    """The core's and the built-in plugins' sections."""
    return sections(migrated_app.extensions["playhall"])


def test_the_pages_are_current(migrated_app: Flask) -> None:
    """When this fails: flask docs write."""
    answer = migrated_app.test_cli_runner().invoke(args=["docs", "check", str(ROOT / "docs")])
    assert answer.exit_code == 0, answer.output


def test_a_stale_page_is_named(migrated_app: Flask, tmp_path: Path) -> None:
    """With the command that corrects it; and that command does."""
    run = migrated_app.test_cli_runner().invoke
    stale = run(args=["docs", "check", str(tmp_path)])
    assert stale.exit_code == 1
    assert "settings.md and errors.md" in stale.output
    assert run(args=["docs", "write", str(tmp_path)]).exit_code == 0
    assert run(args=["docs", "check", str(tmp_path)]).exit_code == 0


def test_every_section_is_there(found: list[Section]) -> None:
    """The core first, then the plugins as they load."""
    assert [section.title for section in found[:2]] == ["core", "economy"]
    assert {section.title for section in found} == {"core", "economy", "auth", "shop", "gacha", "notifications"}


def test_every_setting_says_what_it_does(found: list[Section]) -> None:
    """A sentence, a kind, a default, on one line of the page."""
    page = settings_page(found)
    for setting in (one for section in found for one in section.settings):
        assert setting.doc.endswith(".")
        assert kind(setting)
        assert default(setting)
        assert page.count(f"\n| `{setting.env}`") == 1


def test_secrets_are_marked_and_their_defaults_are_not_shown(found: list[Section]) -> None:
    """Not even those for development."""
    secrets = [one for section in found for one in section.settings if one.secret]
    assert {one.env for one in secrets} >= {"PLAYHALL_SECRET_KEYS", "DATABASE_URL", "REDIS_URL"}
    page = settings_page(found)
    for one in secrets:
        assert f"| `{one.env}` (secret) |" in page
    assert "development-only" not in page


def test_what_looks_like_a_secret_is_declared_one(found: list[Section]) -> None:
    """So that logs and the doctor mask it."""
    suspicious = ("SECRET", "PASSWORD", "TOKEN_KEY", "_KEY", "_DSN", "DATABASE_URL", "REDIS_URL")
    assert [one.env for section in found for one in section.settings if one.env.endswith(suspicious) and not one.secret] == []


def test_every_error_says_what_to_do(found: list[Section]) -> None:
    """A title, advice and an anchor that the `type` of a problem points at."""
    page = errors_page(found)
    errors = [error for section in found for error in section.errors]
    assert len({error.code for error in errors}) == len(errors)
    for error in errors:
        assert error.title
        assert advice(error).endswith((".", "."))
        assert page.count(f'<a id="{error.code}"></a>') == 1
        assert str(error().problem()["type"]).removeprefix("/docs/errors#") == error.code


def test_an_error_without_a_code_of_its_own_is_not_listed(found: list[Section]) -> None:
    """It stands for a branch of the tree."""

    class Branch(DomainError):
        """Of the tree."""

    assert not [error for section in found for error in section.errors if error is Branch]


@pytest.mark.parametrize(
    ("given", "kind_of", "said"),
    [
        (True, bool, "true"),
        ((), tuple[str, ...], "none"),
        (("a", "b"), tuple[str, ...], "a,b"),
        ("", str, "none"),
        (0, int, "0"),
        (1.5, float, "1.5"),
    ],
)
def test_a_default_reads_as_it_would_be_set(given: object, kind_of: type, said: str) -> None:
    """In the environment's own spelling."""
    assert default(Declared(env="A", name="a", type=kind_of, default=given, doc="A.", secret=False)) == said


def test_a_setting_without_a_default_is_required() -> None:
    """And says so."""
    from dataclasses import MISSING

    assert default(Declared(env="A", name="a", type=str, default=MISSING, doc="A.", secret=True)) == "required"
