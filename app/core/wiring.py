"""Wire checked plugins into the application, in load order, and collect every problem before giving up."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any

import flask_smorest
import svcs
from flask import Blueprint, Flask
from sqlalchemy.orm import configure_mappers

from app.core import limits, log, seal
from app.core.errors import PluginError
from app.core.plugin import Plugin
from app.core.registry import RAISED
from app.core.settings import CoreSettings, SettingsError, prefix, read
from app.core.state import Playhall
from app.core.tables import table_problems

API_PREFIX = "/api/v1"


def read_settings(plugins: tuple[Plugin, ...]) -> tuple[CoreSettings, dict[str, Any]]:
    """The core's and every plugin's settings, read together; raises SettingsError with a line for each that is wrong."""
    classes: dict[str, type[Any]] = {"PLAYHALL_": CoreSettings}
    problems = []
    for plugin in plugins:
        if plugin.settings:
            try:
                classes[prefix(plugin.name)] = resolve_name(plugin.settings)
            except RAISED as error:
                problems.append(f"{plugin.name}: settings: {type(error).__name__}: {error}")
    if problems:
        raise SettingsError("\n".join(problems))
    values = read(classes)
    return values["PLAYHALL_"], {plugin.name: values[prefix(plugin.name)] for plugin in plugins if plugin.settings}


def wire(app: Flask, api: flask_smorest.Api, playhall: Playhall) -> None:
    """Add everything the plugins bring; raises PluginError with every problem found."""
    own = frozenset(rule.endpoint for rule in app.url_map.iter_rules())
    wiring = _Wiring(app, api, playhall)
    mask = log.mask(playhall)
    problems: list[str] = []
    for plugin in playhall.plugins:
        for part in (wiring.models, wiring.services, wiring.names, wiring.events, wiring.blueprints, wiring.commands, wiring.setup):
            try:
                part(plugin)
            except RAISED as error:
                problems.append(mask.text(f"{plugin.name}: {part.__name__}: {type(error).__name__}: {error}"))
    if not problems:
        problems += _mapper_problems() or table_problems(_packages(playhall))
        problems += seal.route_problems(app, playhall, own)
        problems += limits.problems(playhall)
    if problems:
        raise PluginError("Playhall cannot start:\n" + "\n".join(f"- {problem}" for problem in problems))
    limits.cover(app)
    playhall.seal()


def parts(playhall: Playhall, name: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """One optional part of every plugin that has it, in load order: (plugin name, callable)."""
    for plugin in playhall.plugins:
        if target := getattr(plugin, name):
            yield plugin.name, resolve_name(target)


def _mapper_problems() -> list[str]:
    try:
        configure_mappers()
    except Exception as error:  # noqa: BLE001 - SQLAlchemy and the models' own code raise what they like
        return [f"models: {error}"]
    return []


def _packages(playhall: Playhall) -> dict[str, str]:
    """The package that each plugin's models live in."""
    named = {plugin.name: plugin.models for plugin in playhall.plugins if plugin.models}
    return {name: models.rpartition(".")[0] or models for name, models in named.items()}


@dataclass(frozen=True, slots=True)
class _Wiring:
    """One method for each part of a plugin; each may raise, and the message names the culprit."""

    app: Flask
    api: flask_smorest.Api
    playhall: Playhall

    def models(self, plugin: Plugin) -> None:
        if plugin.models:
            importlib.import_module(plugin.models)

    def services(self, plugin: Plugin) -> None:
        for protocol, factory in plugin.provides.items():
            svcs.flask.register_factory(self.app, resolve_name(protocol), resolve_name(factory))
        for protocol in plugin.needs:
            resolve_name(protocol)

    def names(self, plugin: Plugin) -> None:
        self.playhall.permissions.update({permission.name: permission for permission in plugin.permissions})
        self.playhall.limits.update(plugin.limits)
        self.playhall.jobs.update({job.name: job for job in plugin.jobs})
        for subscription in plugin.subscriptions:
            self.playhall.subscriptions.setdefault(subscription.event, []).append(subscription)
        for target in (*(job.run for job in plugin.jobs), plugin.health, plugin.demo, plugin.profile):
            if target:
                resolve_name(target)

    def events(self, plugin: Plugin) -> None:
        known = self.playhall.events
        for target in plugin.events:
            event = resolve_name(target)
            if wrong := event.problems():
                raise ValueError("; ".join(wrong))
            if not event.name.startswith(f"{plugin.name}."):
                raise ValueError(f"event {event.name!r} must be named '{plugin.name}.<past tense>.v<n>'")
            if event.name in known:
                raise ValueError(f"event {event.name!r} is declared twice: {known[event.name].__qualname__} and {target}")
            known[event.name] = event

    def blueprints(self, plugin: Plugin) -> None:
        for target in plugin.blueprints:
            blueprint: Blueprint = resolve_name(target)
            if blueprint.name.split("-")[0] != plugin.name or "." in blueprint.name:
                raise ValueError(f"blueprint {blueprint.name!r} must be named {plugin.name!r} or '{plugin.name}-...'")
            if other := self.app.blueprints.get(blueprint.name):
                raise ValueError(f"two blueprints are named {blueprint.name!r}: {other.import_name} and {blueprint.import_name}")
            url = f"{API_PREFIX}/{plugin.name}{blueprint.url_prefix or ''}"
            documented = isinstance(blueprint, flask_smorest.Blueprint)
            (self.api if documented else self.app).register_blueprint(blueprint, url_prefix=url)

    def commands(self, plugin: Plugin) -> None:
        if not plugin.commands:
            return  # asking every installed distribution takes a while
        # Flask finds its own commands, and those that need no application, by other ways.
        elsewhere = {"run", "shell", "routes", *(entry.name for entry in entry_points(group="flask.commands"))}
        for target in plugin.commands:
            command = resolve_name(target)
            if command.name in self.app.cli.commands or command.name in elsewhere:
                raise ValueError(f"there is already a command {command.name!r}; name it {plugin.name!r}")
            self.app.cli.add_command(command)

    def setup(self, plugin: Plugin) -> None:
        if plugin.setup:
            resolve_name(plugin.setup)(self.app, self.playhall.plugin_settings.get(plugin.name))
