"""Which plugins boot, in which order, and everything that stops them, said at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from booting import install, manifest

from app.core import registry
from app.core.errors import PluginError
from app.core.plugin import Job, Permission, Plugin, Subscription
from app.core.settings import Selection

ECONOMY = Plugin(name="economy", version="1.0.0")


def made(name: str, **fields: object) -> Plugin:
    return replace(Plugin(name=name, version="1.0.0"), **fields)  # type: ignore[arg-type]


def problems(*plugins: Plugin) -> list[str]:
    return registry.check({plugin.name: plugin for plugin in (ECONOMY, *plugins)})


def names(*plugins: Plugin) -> list[str]:
    return [plugin.name for plugin in registry.order({plugin.name: plugin for plugin in (ECONOMY, *plugins)})]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python looks for installed packages in."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_default_is_the_built_ins() -> None:
    """Without a setting the four plugins boot, after the economy."""
    found = [plugin.name for plugin in registry.resolve(Selection())]
    assert found[0] == "economy"
    assert sorted(found[1:]) == ["auth", "gacha", "notifications", "shop"]


def test_order_is_requirements_first_then_names() -> None:
    """What is required or used comes first; the rest by name, whatever order it was given in."""
    loot, bazaar, arena = made("loot", requires={"zoo": ">=1"}), made("bazaar", uses=frozenset({"loot"})), made("arena")
    zoo = made("zoo")
    assert names(loot, bazaar, arena, zoo) == names(zoo, arena, bazaar, loot)
    order = names(loot, bazaar, arena, zoo)
    assert order.index("economy") == 0
    assert order.index("zoo") < order.index("loot") < order.index("bazaar")


def test_used_plugin_may_be_absent() -> None:
    """`uses` is a wish, not a demand."""
    assert problems(made("loot", uses=frozenset({"shop"}))) == []


def test_missing_requirement_says_what_to_enable() -> None:
    """A requirement that is not enabled is named, with the setting to change."""
    assert problems(made("loot", requires={"shop": ">=1"})) == ["loot requires shop >=1; add 'shop' to PLAYHALL_PLUGINS"]


def test_wrong_version_of_requirement() -> None:
    """The version that is there is said beside the one that is wanted."""
    assert problems(made("loot", requires={"zoo": ">=2"}), made("zoo")) == ["loot requires zoo >=2, but 1.0.0 is installed"]


def test_plugin_for_another_api() -> None:
    """A plugin written for another contract is refused with what to do."""
    (problem,) = problems(made("loot", api=">=2"))
    assert "was written for plugin API >=2, this is 1.0; install a version of it for this one" in problem


def test_cycle_is_printed_as_a_chain() -> None:
    """a requires b requires a: the chain reads in the direction of the requirement."""
    (problem,) = problems(made("aa", requires={"bb": ">=1"}), made("bb", requires={"aa": ">=1"}))
    assert problem.endswith(("aa -> bb -> aa", "bb -> aa -> bb"))


def test_longer_cycle_reads_as_required() -> None:
    """Each arrow is a requirement that is really there."""
    graph = {"aa": "bb", "bb": "cc", "cc": "aa"}
    (problem,) = problems(*(made(name, requires={needed: ">=1"}) for name, needed in graph.items()))
    chain = problem.rpartition(": ")[2].split(" -> ")
    assert all(graph[left] == right for left, right in pairwise(chain))


def test_unmet_need() -> None:
    """A Protocol that nobody provides is named."""
    assert problems(made("loot", needs=["zoo.api:Animals"])) == ["loot needs zoo.api:Animals, which no enabled plugin provides"]


def test_need_met_by_another() -> None:
    """It does not matter who provides it."""
    assert problems(made("loot", needs=["zoo.api:Animals"]), made("zoo", provides={"zoo.api:Animals": "zoo.service:make"})) == []


def test_one_service_one_provider() -> None:
    """Two plugins that provide one Protocol are both named."""
    provides = {"zoo.api:Animals": "zoo.service:make"}
    assert problems(made("loot", provides=provides), made("zoo", provides=provides)) == [
        "service 'zoo.api:Animals' is declared by loot and zoo"
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"jobs": [Job(name="loot.drop", run="l:f"), Job(name="loot.drop", run="l:g")]},
        {"permissions": [Permission(name="loot:drop", description="a"), Permission(name="loot:drop", description="b")]},
        {"events": ["loot.api:Dropped", "loot.api:Dropped"]},
        {"blueprints": ["loot.http:blueprint", "loot.http:blueprint"]},
        {"jobs": [Job(name="loot.drop", run="l:f")], "subscriptions": [Subscription(event="a.b.v1", job="loot.drop")] * 2},
    ],
)
def test_name_stands_once(fields: dict[str, object]) -> None:
    """Two of one name are refused, naming who claims it."""
    (problem,) = problems(made("loot", **fields))
    assert problem.endswith("is declared by loot and loot")


@pytest.mark.parametrize("name", ["core", "health", "docs", "secret", "limits", "plugins", "alembic", "max"])
def test_reserved_names(name: str) -> None:
    """A name that would collide with the core's own is refused."""
    assert f"{name}: this name is reserved for the core; choose another" in problems(made(name))


def test_unknown_name_is_guessed() -> None:
    """A typing error is answered with the name that was meant."""
    with pytest.raises(PluginError, match=r"names 'gatcha', which is not installed; did you mean 'gacha'\?"):
        registry.resolve(Selection(plugins=("gatcha",)))


def test_name_twice() -> None:
    """A name that stands twice in the setting is a mistake worth a line."""
    with pytest.raises(PluginError, match="names 'auth' twice"):
        registry.resolve(Selection(plugins=("auth", "auth")))


def test_every_problem_in_one_message(site: Path) -> None:
    """Several mistakes of several plugins are one report."""
    install(site, "brokenimport", {"__init__.py": "raise RuntimeError('no licence')"})
    install(site, "nothing", {"__init__.py": "plugin = 1"})
    install(site, "quitter", {"__init__.py": "import sys; sys.exit('bye')"})
    install(site, "misnamed", {"__init__.py": manifest("other")})
    install(site, "needy", {"__init__.py": manifest("needy", requires={"brokenimport": ">=1", "missing": ">=1"}, needs=["a.b:C"])})
    with pytest.raises(PluginError) as caught:
        registry.resolve(Selection(plugins=("zzz", "brokenimport", "quitter", "nothing", "misnamed", "needy")))
    lines = str(caught.value).splitlines()[1:]
    assert len(lines) == 6
    assert "quitter_plugin:plugin cannot be imported: SystemExit: bye" in str(caught.value)
    assert "brokenimport_plugin:plugin cannot be imported: RuntimeError: no licence" in str(caught.value)
    assert "nothing: nothing_plugin:plugin is no Plugin object" in str(caught.value)
    assert "its Plugin is named 'other'" in str(caught.value)
    assert "needy requires missing >=1; add 'missing' to PLAYHALL_PLUGINS" in str(caught.value)


def test_two_packages_of_one_name(site: Path) -> None:
    """Which of two would win is not left to chance."""
    install(site, "twin", {"__init__.py": manifest("twin")}, package="twin_one")
    install(site, "twin", {"__init__.py": manifest("twin")}, package="twin_two")
    with pytest.raises(PluginError, match="plugin name 'twin' is claimed by twin_one:plugin and twin_two:plugin"):
        registry.resolve(Selection(plugins=("twin",)))


def test_installed_is_not_enabled(site: Path) -> None:
    """A broken package that nobody enabled is not even imported."""
    install(site, "sleeper", {"__init__.py": "raise RuntimeError('imported')"})
    assert "sleeper" not in [plugin.name for plugin in registry.resolve(Selection())]


def test_safe_mode_boots_the_built_ins_only(site: Path) -> None:
    """A broken third party does not keep the operator out."""
    install(site, "crasher", {"__init__.py": "raise RuntimeError('imported')"})
    found = registry.resolve(Selection(plugins=("auth", "crasher"), safe_mode=True))
    assert [plugin.name for plugin in found] == ["economy", "auth"]


def test_load_finds_what_is_not_enabled(site: Path) -> None:
    """A command for one plugin does not need it enabled."""
    install(site, "idle", {"__init__.py": manifest("idle")})
    assert registry.load("idle").name == "idle"
    with pytest.raises(PluginError, match="'absent' is not installed"):
        registry.load("absent")
