"""The tests that every plugin passes: `class TestMine(PluginContract): plugin = "mine"`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import takewhile
from pkgutil import resolve_name
from typing import Any, ClassVar

import pytest
from flask import Flask
from redis import Redis

from app import create_app
from app.core import registry, seal
from app.core.db import db
from app.core.migrating import drift
from app.core.migrating.branches import branches
from app.core.migrating.removal import remove
from app.core.migrations import upgrade
from app.core.settings import declared, prefix
from app.core.state import Playhall
from app.core.tables import table_problems
from app.core.web.documents import advice, sections
from playhall.testing import databases, payloads, revisions, sources
from playhall.testing.accounts import AsAccount, Client, MakeAccount
from playhall.testing.routes import Route, entry_problem, limit_problem, routes
from playhall.testing.schema import schema, table_of
from playhall.testing.services import Services
from playhall.testing.stairway import walk
from playhall.testing.subject import Subject, judge, rows_after, unresolved


class PluginContract:
    """Subclass it, say which plugin, and run pytest. A test that does not apply says why it was skipped."""

    plugin: ClassVar[str]

    @pytest.fixture
    def subject(self, app: Flask) -> Subject:
        """The plugin, booted with what it requires."""
        playhall: Playhall = app.extensions["playhall"]
        name = self.plugin
        found = next((one for one in playhall.plugins if one.name == name), None)
        if found is None:
            pytest.fail(f"{name} is not enabled; write in setup.cfg, under [tool:pytest]:  playhall_plugins = {name}", pytrace=False)
        return Subject(app, playhall, found, routes(app, name))

    @pytest.fixture
    def copy(self, migrated_app: Flask, services: Services) -> Iterator[Flask]:
        """The same application over a migrated database that may be spoilt."""
        with databases.scratch(services, migrated_app.extensions["playhall.template"]) as url, pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", url)
            app = create_app()
            yield app
            with app.app_context():
                db.engine.dispose()

    @pytest.fixture
    def before(self, subject: Subject, scratch_database: str) -> Iterator[Flask]:
        """The same application over a database that has never seen the plugin, nor those that come after it."""
        own = subject.branch
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", scratch_database)
            app = create_app()
        for branch in takewhile(lambda one: one.name != own.name, branches(app)):
            upgrade(app, branch)
        yield app
        with app.app_context():
            db.engine.dispose()

    # The manifest

    def test_manifest_has_no_problems(self, subject: Subject) -> None:
        """Names, versions and schedules are sound, alone and beside the other plugins."""
        judge(
            one
            for one in registry.check({one.name: one for one in subject.playhall.plugins})
            if subject.name in one.replace(":", " ").split()
        )

    def test_importing_the_package_is_cheap(self, subject: Subject) -> None:
        """The manifest is read where nothing of the plugin may run."""
        judge(sources.manifest_problems(sources.package_of(subject.name)))

    def test_every_target_resolves(self, subject: Subject) -> None:
        """Each "module:attribute" of the manifest is there."""
        targets = [
            *subject.plugin.targets(),
            *((name, value) for name in ("models", "migrations") if (value := getattr(subject.plugin, name))),
        ]
        judge(unresolved(subject.name, field, target) for field, target in targets)

    def test_only_the_door_is_imported(self, subject: Subject) -> None:
        """What is not promised may change with any release."""
        judge(sources.door_problems(subject.plugin))

    # Tables

    def test_tables_carry_prefix_and_kind(self, subject: Subject) -> None:
        """Each begins with the plugin's name, says its kind, keeps the kind's rule, and points at accounts only."""
        models: str = subject.part("models")
        package = models.rpartition(".")[0] or models
        judge(one for one in table_problems({subject.name: package}) if one.startswith(f"{subject.name}:") or f"'{subject.name}_" in one)

    def test_history_is_sound(self, subject: Subject) -> None:
        """One line of revisions, well named, that import nothing of the application."""
        judge(revisions.problems(subject.branch))

    def test_every_revision_goes_up_down_and_up(self, subject: Subject, before: Flask) -> None:
        """With rows in the tables, and leaves no trace."""
        judge(walk(before, subject.branch))

    def test_models_are_the_tables(self, subject: Subject) -> None:
        """The revisions make what the models say."""
        judge(drift.check(subject.app, subject.branch))

    def test_removal_leaves_nothing(self, subject: Subject, copy: Flask) -> None:
        """`flask plugin remove`, once the plugin is off, takes all of it, and nothing else."""
        branch, others = subject.branch, subject.others()
        with copy.app_context():
            url = db.engine.url
        before = schema(url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
            patch.setenv("PLAYHALL_PLUGINS", ",".join(others))
            done = create_app().test_cli_runner().invoke(remove, [subject.name, "--yes"])
        assert done.exit_code == 0, f"flask plugin remove {subject.name}: {done.output}"
        after = schema(url)
        expected = {entry: body for entry, body in before.items() if not branch.owns(table_of(entry, body))}
        judge(f"{' '.join(entry)} is left behind; drop it in downgrade()" for entry in after.keys() - expected.keys())
        judge(f"{' '.join(entry)} is another's and was changed or dropped" for entry in expected if after.get(entry) != expected[entry])

    # Routes

    def test_every_route_is_an_operation(self, subject: Subject) -> None:
        """It says who may call it, how often, and under which permission; all of it declared."""
        subject.operations()
        others = frozenset(
            rule.endpoint for rule in subject.app.url_map.iter_rules() if rule.endpoint.split(".")[0].split("-")[0] != subject.name
        )
        judge(seal.route_problems(subject.app, subject.playhall, others))

    def test_without_a_token_nobody_comes_in(self, subject: Subject, client: Client) -> None:
        """401 on every operation that is not public."""
        private = [route for route in subject.operations() if route.operation and not route.operation.public]
        judge(
            entry_problem(route, route.call(client), status=401, code="core.unauthenticated")
            for route in self._afresh(private, subject, "operation that is not public")
        )

    def test_without_the_permission_nobody_comes_in(self, subject: Subject, as_account: AsAccount) -> None:
        """403 on every operation with a permission."""
        guarded = [route for route in subject.operations() if route.operation and route.operation.permission]
        nobody = as_account(roles=())
        judge(
            entry_problem(route, route.call(nobody), status=403, code="core.forbidden")
            for route in self._afresh(guarded, subject, "operation with a permission")
        )

    def test_every_answer_says_how_many_are_left(self, subject: Subject, as_account: AsAccount) -> None:
        """RateLimit headers on every operation."""
        somebody = as_account(roles=())
        judge(limit_problem(route, route.call(somebody)) for route in self._afresh(subject.operations(), subject, "route"))

    def _afresh(self, found: list[Route], subject: Subject, kind: str) -> Iterator[Route]:
        """Each with nothing counted yet; or skip the test."""
        if not found:
            pytest.skip(f"{subject.name} has no {kind}")
        with Redis.from_url(subject.playhall.settings.redis_url) as redis:
            for route in found:
                redis.flushdb()
                yield route

    # Documents

    def test_every_error_is_documented(self, subject: Subject) -> None:
        """Its docstring says what the caller should do; its status is one of a refusal."""
        found = [error for section in sections(subject.playhall) if section.title == subject.name for error in section.errors]
        if not found:
            pytest.skip(f"{subject.name} has no errors of its own")
        judge(
            f"{error.__qualname__} ({error.code}) has no docstring; say what the caller should do" for error in found if not advice(error)
        )
        judge(
            f"{error.__qualname__}: status {error.status} is no refusal; use 400 to 499" for error in found if not 400 <= error.status < 500
        )

    def test_every_setting_is_documented(self, subject: Subject) -> None:
        """Its doc says what it does; the class is frozen."""
        cls: Any = resolve_name(subject.part("settings"))
        frozen = getattr(cls, "__dataclass_params__", None) is not None and cls.__dataclass_params__.frozen
        assert frozen, f"{cls.__qualname__} can be changed; decorate it with @dataclass(frozen=True, kw_only=True)"
        found = declared(cls, prefix(subject.name))
        judge(f'{one.env} has no doc; say what it does, in which unit: setting(..., doc="...")' for one in found if not one.doc.strip())

    # Events and jobs

    def test_events_arrive_as_they_were_sent(self, subject: Subject) -> None:
        """JSON on the way, equal at the end."""
        judge(problem for target in subject.part("events") for problem in payloads.event_problems(resolve_name(target)))

    def test_jobs_take_what_is_sent_to_them(self, subject: Subject) -> None:
        """An event's fields, a schedule's nothing, a payload's types."""
        known = subject.playhall.events
        judge(problem for job in subject.part("jobs") for problem in payloads.job_problems(subject.plugin, job, known))

    # Callables

    def test_demo_data_can_be_loaded_twice(self, subject: Subject) -> None:
        """The second time changes nothing."""
        load = resolve_name(subject.part("demo"))
        first, second = rows_after(subject.app, load), rows_after(subject.app, load)
        judge(f"the second load changes {table}; use on_conflict_do_nothing()" for table in second if first.get(table) != second[table])

    def test_health_says_well(self, subject: Subject) -> None:
        """It raises nothing where all is well."""
        check = resolve_name(subject.part("health"))
        with subject.app.app_context():
            check()

    def test_profile_is_json(self, subject: Subject, make_account: MakeAccount) -> None:
        """Of an account that has nothing yet."""
        profile = resolve_name(subject.part("profile"))
        account = make_account()
        with subject.app.app_context():
            given = profile(account)
        assert isinstance(given, dict), f"{subject.plugin.profile} gives {type(given).__name__}; give a dict"
        json.dumps(given, default=str)
