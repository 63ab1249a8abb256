"""The contract: the example passes it, a plugin that breaks its rules fails with what to change, and each rule alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from playhall.testing import PluginContract
from tests.core.booting import install
from tests.testing.authoring import LOOT, failed, installed, pytest_in

MODULES: Mapping[str, str] = {
    "__init__.py": """
        import bad_plugin.models
        from playhall import Job, Permission, Plugin, Subscription

        plugin = Plugin(
            name="bad", version="1.0.0", requires={"auth": ">=0.1"},
            settings="bad_plugin.parts:Settings", models="bad_plugin.models", migrations="bad_plugin.migrations",
            blueprints=["bad_plugin.parts:blueprint"], events=["bad_plugin.parts:Broke"],
            permissions=[Permission(name="bad:act", description="Act")],
            jobs=[Job(name="bad.mend", run="bad_plugin.parts:mend", cron="0 3 * * *")],
            subscriptions=[Subscription(event="bad.broke.v1", job="bad.mend")],
            health="bad_plugin.parts:health", demo="bad_plugin.parts:demo", profile="bad_plugin.parts:profile",
        )
    """,
    "models.py": """
        from uuid import UUID
        from sqlalchemy.orm import Mapped, mapped_column
        from playhall import Base, Kind, uuid7

        class Thing(Base):
            __tablename__ = "bad_thing"
            __kind__ = Kind.QUEUE
            id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
            note: Mapped[str | None]
    """,
    "migrations/__init__.py": "",
    "migrations/bad_20260101_1_first.py": """
        import sqlalchemy as sa
        from alembic import op
        from playhall import uuid7

        revision = "bad_20260101_1"
        down_revision = None

        def upgrade():
            op.execute("CREATE SEQUENCE IF NOT EXISTS bad_counter")
            op.create_table("bad_thing", sa.Column("id", sa.Uuid(), primary_key=True))

        def downgrade():
            op.drop_table("bad_thing")
    """,
    "parts.py": """
        from dataclasses import dataclass
        from typing import ClassVar
        import flask
        from app.core.operation import Operation
        from bad_plugin.models import Thing
        from playhall import DomainError, Event, session, setting

        @dataclass(kw_only=True)
        class Settings:
            size: int = setting(3, doc=" ")

        @dataclass(frozen=True, slots=True, kw_only=True)
        class Broke(Event):
            name: ClassVar[str] = "bad.broke.v1"
            times: int

        class Broken(DomainError):
            code, status, title = "bad.broken", 500, "Broken"

        blueprint = flask.Blueprint("bad", __name__)

        @blueprint.get("/things/<uuid:thing>")
        def thing(thing):
            return {}

        thing.__operation__ = Operation(permission="bad:act", limit="core.default")

        def mend(how_often):
            pass

        def health():
            raise RuntimeError("ill")

        def demo():
            session().execute(Thing.__table__.insert(), {"id": __import__("uuid").uuid4()})

        def profile(account):
            return [account]
    """,
}
FAILS = {
    "test_importing_the_package_is_cheap": "imports bad_plugin.models; a manifest imports only playhall: name the part as a string",
    "test_only_the_door_is_imported": "parts.py:5: imports app.core.operation.Operation; use what playhall offers",
    "test_history_is_sound": "imports playhall; write the tables out here",
    "test_every_revision_goes_up_down_and_up": "bad_20260101_1: after going back this is different: + CREATE SEQUENCE public.bad_counter",
    "test_models_are_the_tables": "bad: add column bad_thing note; run: flask db migrate --plugin bad",
    "test_removal_leaves_nothing": "SEQUENCE bad_counter is left behind; drop it in downgrade()",
    "test_without_a_token_nobody_comes_in": "GET /api/v1/bad/things/<uuid:thing> answers 200, not 401 core.unauthenticated",
    "test_without_the_permission_nobody_comes_in": "GET /api/v1/bad/things/<uuid:thing> answers 200, not 403 core.forbidden",
    "test_every_answer_says_how_many_are_left": "without RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset; route it on playhall.Blueprint",
    "test_every_error_is_documented": "Broken (bad.broken) has no docstring; say what the caller should do",
    "test_every_setting_is_documented": "Settings can be changed; decorate it with @dataclass(frozen=True, kw_only=True)",
    "test_events_arrive_as_they_were_sent": "Broke has no docstring; say in one sentence what has happened",
    "test_jobs_take_what_is_sent_to_them": "bad.mend: a schedule sends nothing, but bad_plugin.parts:mend demands how_often; give defaults",
    "test_demo_data_can_be_loaded_twice": "the second load changes bad_thing; use on_conflict_do_nothing()",
    "test_health_says_well": "RuntimeError: ill",
    "test_profile_is_json": "bad_plugin.parts:profile gives list; give a dict",
}
# What the boot refuses already, so that a plugin which breaks them has no application to be tested in.
REFUSED_AT_BOOT = {
    "test_manifest_has_no_problems",
    "test_every_target_resolves",
    "test_tables_carry_prefix_and_kind",
    "test_every_route_is_an_operation",
}
CONTRACT = "from playhall.testing import PluginContract\n\nclass TestIt(PluginContract):\n    plugin = {name!r}\n"


def project(folder: Path, name: str, modules: Mapping[str, str]) -> Path:
    """The repository of a plugin's author, with the contract as its test."""
    install(folder, name, modules)
    (folder / "setup.cfg").write_text(f"[tool:pytest]\nplayhall_plugins = {name}\n")
    (folder / "test_it.py").write_text(CONTRACT.format(name=name))
    return folder


def test_example_passes_on_two_workers(services: object, tmp_path: Path) -> None:
    """Its own tests and the contract, each worker with databases of its own."""
    site = installed(tmp_path, "loot", "playhall_loot")
    done = pytest_in(LOOT, "-n", "2", "-rs", path=(site, LOOT / "src"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"loot has no (\w+)", done.stdout) == ["demo", "health", "profile"]


def test_plugin_that_breaks_the_rules_is_told_each(services: object, tmp_path: Path) -> None:
    """One test for each rule, which says what to change; what is sound passes."""
    done = pytest_in(project(tmp_path, "bad", MODULES), "-rf", path=(tmp_path,))
    assert failed(done.stdout) == set(FAILS), done.stdout
    missing = [said for said in FAILS.values() if said not in done.stdout.replace("\n", " ").replace("E   ", "")]
    assert not missing, done.stdout


def test_every_rule_was_seen_to_fail() -> None:
    """Here, or at boot."""
    rules = {name for name in vars(PluginContract) if name.startswith("test_")}
    assert rules == set(FAILS) | REFUSED_AT_BOOT


def test_plugin_that_is_not_enabled_is_told_how(services: object, tmp_path: Path) -> None:
    """One line in setup.cfg."""
    (tmp_path / "test_it.py").write_text(CONTRACT.format(name="mine"))
    done = pytest_in(tmp_path, "-k", "manifest", PLAYHALL_PLUGINS="auth")
    assert "mine is not enabled; write in setup.cfg, under [tool:pytest]:  playhall_plugins = mine" in done.stdout


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("jobs=[Job(name='wrong.act', run='wrong_plugin:act', cron='x')]", "job 'wrong.act': 'x' is no schedule"),
        ("health='wrong_plugin:health'", "AttributeError"),
    ],
)
def test_what_the_boot_refuses_is_what_the_tests_say(services: object, tmp_path: Path, fields: str, said: str) -> None:
    """All of them stop with the boot's own report."""
    manifest = f"from playhall import Job, Plugin\nplugin = Plugin(name='wrong', version='1', {fields})\ndef act(): ...\n"
    done = pytest_in(project(tmp_path, "wrong", {"__init__.py": manifest}), "-k", "manifest", path=(tmp_path,))
    assert done.returncode == 1
    assert said in done.stdout
