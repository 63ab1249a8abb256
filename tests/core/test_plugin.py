"""A manifest says what is wrong with it before any of its code runs."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from app.core.plugin import Job, Permission, Plugin, Subscription

SOUND = Plugin(name="loot", version="1.0.0")


def test_sound_manifest_has_no_problem() -> None:
    """A name and a version are enough."""
    assert SOUND.problems() == []


def test_manifest_is_frozen() -> None:
    """Nothing can be added after it was checked."""
    with pytest.raises(FrozenInstanceError):
        SOUND.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "Loot"}, "name must match"),
        ({"name": "loot_box"}, "name must match"),
        ({"name": "l"}, "name must match"),
        ({"name": "l" * 31}, "name must match"),
        ({"version": "new"}, "version: 'new' is not a version"),
        ({"api": "one"}, "api: 'one' is not a version range"),
        ({"requires": {"shop": "latest"}}, "shop: 'latest' is not a version range"),
        ({"settings": "loot.settings"}, "settings: 'loot.settings' must be \"package.module:attribute\""),
        ({"blueprints": ["loot/http:bp"]}, "blueprints: 'loot/http:bp' must be"),
        ({"provides": {"loot.api:Loot": "make"}}, "provides: 'make' must be"),
        ({"models": "loot models", "migrations": "loot.migrations"}, "models: 'loot models' must be \"package.module\""),
        ({"models": "loot.models"}, "models without migrations"),
        ({"permissions": [Permission(name="shop:buy", description="Buy")]}, "permission 'shop:buy' must be named 'loot:<verb>'"),
        ({"jobs": [Job(name="drop", run="loot.jobs:drop")]}, "job 'drop' must be named 'loot.<verb>'"),
        ({"jobs": [Job(name="loot.drop", run="l:f", cron="daily")]}, "job 'loot.drop': 'daily' is no schedule"),
        ({"limits": {"shop.buy": "1/minute"}}, "limit 'shop.buy' must be named 'loot.<verb>'"),
        ({"subscriptions": [Subscription(event="auth.signed_up.v1", job="loot.greet")]}, "names 'loot.greet', which is no job"),
    ],
)
def test_wrong_manifest_says_what(change: dict[str, object], problem: str) -> None:
    """Each mistake is named, with what to write instead."""
    found = replace(SOUND, **change).problems()  # type: ignore[arg-type]
    assert len(found) == 1
    assert problem in found[0]


def test_all_problems_at_once() -> None:
    """Two mistakes are two lines."""
    assert len(replace(SOUND, version="new", api="one").problems()) == 2
