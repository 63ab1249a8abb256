"""Discover, check, order: which plugins boot, and everything that is wrong with them, before any is wired."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import EntryPoint, entry_points

from packaging.specifiers import SpecifierSet

from app.core.errors import PluginError
from app.core.plugin import API_VERSION, Plugin
from app.core.settings import CoreSettings, Selection, declared

GROUP = "playhall.plugins"

RAISED = (Exception, SystemExit)  # what a plugin's code may end in; it is reported, and the others with it

ECONOMY = "economy"  # always on: every plugin may rely on it
BUILT_IN = {
    ECONOMY: "app.economy:plugin",
    "auth": "app.plugins.auth:plugin",
    "shop": "app.plugins.shop:plugin",
    "gacha": "app.plugins.gacha:plugin",
    "notifications": "app.plugins.notifications:plugin",
}


def reserved_names() -> set[str]:
    """Names that would collide with the core's own tables, URLs, jobs or settings."""
    words = {one.env.removeprefix("PLAYHALL_").split("_")[0].lower() for one in declared(CoreSettings, "PLAYHALL_")}
    return {"core", "health", "docs", "alembic"} | words


def available() -> dict[str, list[EntryPoint]]:
    """Every plugin that could be enabled, by name; more than one entry means that two packages claim the name."""
    found: dict[str, list[EntryPoint]] = {name: [EntryPoint(name, target, GROUP)] for name, target in BUILT_IN.items()}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        found.setdefault(entry.name, []).append(entry)
    return found


def resolve(settings: Selection) -> tuple[Plugin, ...]:
    """The enabled plugins in load order, or one PluginError that lists every problem."""
    problems: list[str] = []
    entries = available()
    enabled = _enabled(settings, entries, problems)
    plugins = {name: plugin for name in enabled if (plugin := _load(entries[name], problems)) is not None}
    problems += check(plugins, broken=frozenset(enabled) - set(plugins))
    if problems:
        raise PluginError("Playhall cannot start:\n" + "\n".join(f"- {problem}" for problem in problems))
    return order(plugins)


def load(name: str) -> Plugin:
    """One available plugin, enabled or not; raises PluginError."""
    problems: list[str] = []
    plugin = _load(available().get(name, []), problems)
    if plugin is None:
        raise PluginError(problems[0] if problems else f"{name!r} is not installed")
    return plugin


def _enabled(settings: Selection, entries: Mapping[str, list[EntryPoint]], problems: list[str]) -> list[str]:
    names = [name for name in settings.plugins if not settings.safe_mode or name in BUILT_IN]
    problems += [f"PLAYHALL_PLUGINS names {name!r} twice" for name, count in Counter(names).items() if count > 1]
    for name in sorted(set(names) - set(entries)):
        close = difflib.get_close_matches(name, entries, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"installed are: {', '.join(sorted(entries))}"
        problems.append(f"PLAYHALL_PLUGINS names {name!r}, which is not installed; {hint}")
    return sorted({ECONOMY, *names} & set(entries))


def _load(entries: list[EntryPoint], problems: list[str]) -> Plugin | None:
    if not entries:
        return None
    entry = entries[0]
    if len(entries) > 1:
        claims = " and ".join(one.value for one in entries)
        problems.append(f"plugin name {entry.name!r} is claimed by {claims}; uninstall or disable one")
        return None
    try:
        plugin = entry.load()
    except RAISED as error:
        problems.append(f"{entry.name}: {entry.value} cannot be imported: {type(error).__name__}: {error}")
        return None
    if not isinstance(plugin, Plugin):
        problems.append(f"{entry.name}: {entry.value} is no Plugin object")
        return None
    if plugin.name != entry.name:
        problems.append(f"{entry.name}: its Plugin is named {plugin.name!r}; the entry point must have the same name")
        return None
    return plugin


def check(plugins: Mapping[str, Plugin], broken: frozenset[str] = frozenset()) -> list[str]:
    """Everything wrong with these plugins, each on its own and all together; what is broken was reported already."""
    found: list[str] = []
    for name, plugin in sorted(plugins.items()):
        alone = plugin.problems()
        found += alone or _version_problems(plugin, plugins, broken)
        if name in reserved_names() and name not in BUILT_IN:
            found.append(f"{name}: this name is reserved for the core; choose another")
    found += _clashes(plugins.values())
    if not broken:  # it may be the one that provides
        found += _unmet_needs(plugins.values())
    try:
        order(plugins)
    except CycleError as error:
        # graphlib names each node before the one that depends on it.
        found.append(f"plugins require each other in a circle: {' -> '.join(reversed(error.args[1]))}")
    return found


def order(plugins: Mapping[str, Plugin]) -> tuple[Plugin, ...]:
    """Load order: economy first, then each after what it requires or uses; the same for the same set."""
    graph = TopologicalSorter[str]()
    for name in sorted(plugins):
        before = {*plugins[name].requires, *plugins[name].uses, ECONOMY} - {name}
        graph.add(name, *sorted(before & set(plugins)))
    return tuple(plugins[name] for name in graph.static_order())


def _version_problems(plugin: Plugin, plugins: Mapping[str, Plugin], broken: frozenset[str]) -> Iterator[str]:
    if not SpecifierSet(plugin.api).contains(API_VERSION, prereleases=True):
        yield (
            f"{plugin.name} {plugin.version} was written for plugin API {plugin.api}, this is {API_VERSION}; "
            f"install a version of it for this one, or take it out of PLAYHALL_PLUGINS"
        )
    for name, versions in sorted(plugin.requires.items()):
        if name in broken:
            continue
        if name not in plugins:
            yield f"{plugin.name} requires {name} {versions}; add {name!r} to PLAYHALL_PLUGINS"
        elif not SpecifierSet(versions).contains(plugins[name].version, prereleases=True):
            yield f"{plugin.name} requires {name} {versions}, but {plugins[name].version} is installed"


def _clashes(plugins: Iterable[Plugin]) -> Iterator[str]:
    """Names that may stand only once, with everyone who claims them."""
    claims: dict[tuple[str, str], list[str]] = defaultdict(list)
    for plugin in plugins:
        names = {
            "permission": [permission.name for permission in plugin.permissions],
            "job": [job.name for job in plugin.jobs],
            "subscription": [f"{one.event} -> {one.job}" for one in plugin.subscriptions],
            "service": list(plugin.provides),
            "event": list(plugin.events),
            "blueprint": list(plugin.blueprints),
        }
        for kind, values in names.items():
            for value in values:
                claims[kind, value].append(plugin.name)
    for (kind, value), owners in sorted(claims.items()):
        if len(owners) > 1:
            yield f"{kind} {value!r} is declared by {' and '.join(owners)}"


def _unmet_needs(plugins: Iterable[Plugin]) -> Iterator[str]:
    plugins = list(plugins)
    provided = {protocol for plugin in plugins for protocol in plugin.provides}
    for plugin in plugins:
        for protocol in plugin.needs:
            if protocol not in provided:
                yield f"{plugin.name} needs {protocol}, which no enabled plugin provides"
