"""The contract between Playhall and a plugin: frozen data, checked before any other code of the plugin runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from croniter import croniter
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

API_VERSION = "1.0"

NAME = re.compile(r"[a-z][a-z0-9]{1,29}")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_VERB = r"[a-z][a-z0-9_-]*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a role may be allowed to do; roles are added to by operators, never taken from by a plugin."""

    name: str  # "<plugin>:<verb>"
    description: str
    roles: Sequence[str] = ()  # the roles that have it by default


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work that runs outside a request, in one transaction that also marks it done."""

    name: str  # "<plugin>.<verb>": what travels, instead of a function's path
    run: str  # "package.module:function", called with the payload as keyword arguments
    retries: int = 3
    cron: str | None = None  # five fields, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Run a job of this plugin for every event of that name; after commit, at least once."""

    event: str  # "<plugin>.<past tense>.v<n>": a name, so the publisher is not imported
    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """Everything a plugin adds, as data. Parts are named "module:attribute" and imported at boot, when enabled."""

    name: str  # prefixes tables, permissions, jobs, events, settings and URLs
    version: str
    api: str = ">=1.0,<2"  # plugin API it was written for
    requires: Mapping[str, str] = field(default_factory=dict)  # plugin -> versions; load and migration order
    uses: frozenset[str] = frozenset()  # loaded first when present, not demanded
    settings: str | None = None  # a frozen settings class
    models: str | None = None  # module whose import fills the metadata
    migrations: str | None = None  # package that holds its revisions
    blueprints: Sequence[str] = ()
    commands: Sequence[str] = ()
    events: Sequence[str] = ()  # Event classes it publishes
    provides: Mapping[str, str] = field(default_factory=dict)  # Protocol -> factory(container)
    needs: Sequence[str] = ()  # Protocols it asks for
    permissions: Sequence[Permission] = ()
    limits: Mapping[str, str] = field(default_factory=dict)  # "<plugin>.<name>" -> default rate
    jobs: Sequence[Job] = ()
    subscriptions: Sequence[Subscription] = ()
    health: str | None = None  # callable; raises when the plugin cannot work
    demo: str | None = None  # callable that loads its part of the demo data, safe to repeat
    profile: str | None = None  # callable(account) -> dict, its part of an account's profile and export
    setup: str | None = None  # last resort: callable(app, settings)

    def problems(self) -> list[str]:
        """Everything wrong with this manifest on its own; empty when it is sound."""
        return [f"{self.name}: {problem}" for problem in self._problems()]

    def targets(self) -> Iterator[tuple[str, str]]:
        """Every "module:attribute" string, with the name of the field that holds it."""
        for name in ("settings", "health", "demo", "profile", "setup"):
            if (value := getattr(self, name)) is not None:
                yield name, value
        for name in ("blueprints", "commands", "events", "needs"):
            yield from ((name, value) for value in getattr(self, name))
        for protocol, factory in self.provides.items():
            yield from (("provides", protocol), ("provides", factory))
        yield from (("jobs", job.run) for job in self.jobs)

    def _problems(self) -> Iterator[str]:
        if not NAME.fullmatch(self.name):
            yield "name must match [a-z][a-z0-9]{1,29}, for example 'loot'"
        yield from self._version_problems()
        for name, value in self.targets():
            if not _TARGET.fullmatch(value):
                yield f'{name}: {value!r} must be "package.module:attribute"'
        for name in ("models", "migrations"):
            value = getattr(self, name)
            if value is not None and not _MODULE.fullmatch(value):
                yield f'{name}: {value!r} must be "package.module"'
        yield from self._name_problems()
        yield from self._job_problems()

    def _version_problems(self) -> Iterator[str]:
        try:
            Version(self.version)
        except InvalidVersion:
            yield f"version: {self.version!r} is not a version, write for example '1.0.0'"
        for name, versions in {"api": self.api, **self.requires}.items():
            try:
                SpecifierSet(versions)
            except InvalidSpecifier:
                yield f"{name}: {versions!r} is not a version range, write for example '>=1.0,<2'"

    def _name_problems(self) -> Iterator[str]:
        own = re.escape(self.name)
        for permission in self.permissions:
            if not re.fullmatch(rf"{own}:{_VERB}", permission.name):
                yield f"permission {permission.name!r} must be named '{self.name}:<verb>'"
        for kind, names in (("job", [job.name for job in self.jobs]), ("limit", list(self.limits))):
            for name in names:
                if not re.fullmatch(rf"{own}\.{_VERB}", name):
                    yield f"{kind} {name!r} must be named '{self.name}.<verb>'"
        if self.models and not self.migrations:
            yield "models without migrations: name the package that holds the revisions"

    def _job_problems(self) -> Iterator[str]:
        jobs = {job.name for job in self.jobs}
        for job in self.jobs:
            if job.cron is not None and not (len(job.cron.split()) == 5 and croniter.is_valid(job.cron)):
                yield f"job {job.name!r}: {job.cron!r} is no schedule; write five fields, for example '0 4 * * *'"
        for subscription in self.subscriptions:
            if subscription.job not in jobs:
                yield f"subscription to {subscription.event!r} names {subscription.job!r}, which is no job of this plugin"
