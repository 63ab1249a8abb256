"""What a plugin adds is checked as it is wired: names, tables, kinds, relationships, guards. Each boot is a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from booting import boot, install, manifest

HEAD = """
from uuid import UUID
from sqlalchemy import ForeignKey, ForeignKeyConstraint, UniqueConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from playhall import Base, Kind
"""
ROUTES = """
from playhall import Blueprint, operation
blueprint = Blueprint({name!r}, __name__)
"""
SHARED = "class {name}(Base):\n    __tablename__ = {table!r}\n    __kind__ = Kind.SHARED\n    id: Mapped[int] = mapped_column(primary_key=True)\n"


def failure(folder: Path, plugins: str) -> str:
    """The message that a boot ends with."""
    done = boot(folder, plugins)
    assert done.returncode != 0, done.stdout
    return done.stderr


def with_models(folder: Path, source: str, name: str = "loot") -> None:
    fields = {"models": f"{name}_plugin.models", "migrations": f"{name}_plugin.migrations"}
    install(folder, name, {"__init__.py": manifest(name, **fields), "models.py": HEAD + source, "migrations/__init__.py": ""})


def with_routes(folder: Path, source: str, blueprint: str = "loot", **fields: object) -> None:
    fields = {"blueprints": ["loot_plugin.http:blueprint"], **fields}
    install(folder, "loot", {"__init__.py": manifest("loot", **fields), "http.py": ROUTES.format(name=blueprint) + source})


def test_sound_plugin_boots(tmp_path: Path) -> None:
    """A plugin with a table and a guarded route is wired."""
    routes = """
        from playhall import Blueprint, operation
        blueprint = Blueprint("loot", __name__)

        @blueprint.post("/drops")
        @operation(permission="loot:drop")
        @blueprint.response(204)
        def drop(): ...
    """
    source = "from playhall import Permission, Plugin\nplugin = Plugin(name='loot', version='1.0.0', models='loot_plugin.models', " + (
        "migrations='loot_plugin.migrations', blueprints=['loot_plugin.http:blueprint'], "
        "permissions=[Permission(name='loot:drop', description='Drop')])"
    )
    models = HEAD + SHARED.format(name="Drop", table="loot_drop")
    install(tmp_path, "loot", {"__init__.py": source, "models.py": models, "http.py": routes, "migrations/__init__.py": ""})
    done = boot(tmp_path, "loot")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["economy", "loot"]


OWNED = "class Drop(Base):\n    __tablename__ = 'loot_drop'\n    __kind__ = Kind.OWNED\n    account_id: Mapped[UUID] = mapped_column(primary_key=True)\n"


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (SHARED.format(name="Drop", table="drops"), "table 'drops' must be named 'loot_...'"),
        (SHARED.format(name="Drop", table="shop_drop"), "table 'shop_drop' must be named 'loot_...'"),
        (SHARED.format(name="Drop", table="loot_drop").replace("    __kind__ = Kind.SHARED\n", ""), "say its kind"),
        (
            SHARED.format(name="Drop", table="loot_drop") + "    product: Mapped[UUID] = mapped_column(ForeignKey('shop_product.id'))\n",
            "foreign key to shop_product.id; out of a plugin only core_account.id may be pointed at",
        ),
        (
            SHARED.format(name="Drop", table="loot_drop")
            + "    product: Mapped[UUID] = mapped_column(ForeignKey('shop_product.id'))\n    item = relationship('Product')\n",
            "relationship 'item' leads to shop_product, another package's table",
        ),
        (SHARED.format(name="Drop", table="loot_drop") + "    account_id: Mapped[UUID]\n", "a shared table holds no account's rows"),
        (OWNED.replace("account_id", "owner"), "an owned table's primary key begins with account_id, not (owner)"),
        (
            OWNED + "    code: Mapped[str] = mapped_column(unique=True)\n",
            "unique constraint uq_loot_drop_code of an owned table must contain",
        ),
        (
            OWNED + "    code: Mapped[str]\n    __table_args__ = (Index('ix_code', 'code', unique=True),)\n",
            "unique constraint ix_code of an owned table must contain account_id",
        ),
        (
            OWNED + "    other: Mapped[UUID | None]\n    __table_args__ = (ForeignKeyConstraint(['other'], ['loot_drop.account_id']),)\n",
            "foreign key to the owned table loot_drop must contain account_id",
        ),
        (OWNED.replace("Kind.OWNED", "Kind.LOOKUP"), "a lookup table is keyed by what is looked up, not by account_id"),
        (SHARED.format(name="Drop", table="loot_drop").replace("SHARED", "LOOKUP"), "a lookup table leads to an account"),
        (OWNED.replace("Kind.OWNED", "Kind.QUEUE"), "a queue table is keyed by id"),
        (
            SHARED.format(name="Drop", table="loot_drop").replace("SHARED", "QUEUE") + "    account_id: Mapped[UUID]\n",
            "account_id of a queue table is optional",
        ),
    ],
)
def test_table_rules(tmp_path: Path, models: str, message: str) -> None:
    """A table that breaks a rule of ownership or of its kind stops the boot with the rule."""
    with_models(tmp_path, models)
    assert message in failure(tmp_path, "loot,shop")


def test_two_plugins_with_one_table(tmp_path: Path) -> None:
    """The second plugin that claims a table is named, and so is the table."""
    with_models(tmp_path, SHARED.format(name="Drop", table="loot_drop"))
    with_models(tmp_path, SHARED.format(name="Drop", table="loot_drop"), name="plunder")
    message = failure(tmp_path, "loot,plunder")
    assert "plunder: models: " in message
    assert "loot_drop" in message


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ("@blueprint.post('/drops')\ndef drop(): ...\n", "loot: POST /api/v1/loot/drops: an unsafe route without @operation"),
        ("@blueprint.get('/drops')\ndef drop(): ...\n", "loot: GET /api/v1/loot/drops: a public route without @operation"),
        ("@blueprint.get('/drops')\n@operation(public=True)\ndef drop(): ...\n", "a public route without a limit"),
        (
            "@blueprint.post('/drops')\n@operation(public=True, limit='core.public', idempotent=True)\ndef drop(): ...\n",
            "a public route has no account",
        ),
        (
            "@blueprint.get('/drops')\n@operation(idempotent=True)\ndef drop(): ...\n",
            "a route that changes nothing needs no idempotency key",
        ),
        ("@blueprint.get('/drops')\n@operation(limit='loot.drop')\ndef drop(): ...\n", "limit 'loot.drop' is not declared"),
        ("@blueprint.get('/drops')\n@operation(permission='loot:drop')\ndef drop(): ...\n", "permission 'loot:drop' is not declared"),
    ],
)
def test_route_rules(tmp_path: Path, routes: str, message: str) -> None:
    """A route that would be open by accident stops the boot."""
    with_routes(tmp_path, routes)
    assert message in failure(tmp_path, "loot")


def test_plain_flask_route_is_not_a_way_round(tmp_path: Path) -> None:
    """A blueprint of Flask's own is held to the same rule."""
    with_routes(tmp_path, "import flask\nblueprint = flask.Blueprint('loot', __name__)\n@blueprint.post('/x')\ndef x(): ...\n")
    assert "an unsafe route without @operation" in failure(tmp_path, "loot")


def test_blueprint_carries_the_plugins_name(tmp_path: Path) -> None:
    """Another name could collide with another plugin's."""
    with_routes(tmp_path, "", blueprint="drops")
    assert "blueprint 'drops' must be named 'loot' or 'loot-...'" in failure(tmp_path, "loot")


def test_two_blueprints_of_one_name(tmp_path: Path) -> None:
    """Both modules are named."""
    fields = {"blueprints": ["loot_plugin.one:blueprint", "loot_plugin.two:blueprint"]}
    modules = {f"{part}.py": ROUTES.format(name="loot") for part in ("one", "two")}
    install(tmp_path, "loot", {"__init__.py": manifest("loot", **fields), **modules})
    assert "two blueprints are named 'loot': loot_plugin.one and loot_plugin.two" in failure(tmp_path, "loot")


def test_command_of_a_taken_name(tmp_path: Path) -> None:
    """A plugin cannot replace a command."""
    fields = {"commands": ["loot_plugin.cli:command"]}
    install(tmp_path, "loot", {"__init__.py": manifest("loot", **fields), "cli.py": "import click\ncommand = click.Command('plugin')\n"})
    assert "there is already a command 'plugin'; name it 'loot'" in failure(tmp_path, "loot")


def test_part_that_is_not_there(tmp_path: Path) -> None:
    """Every string of a manifest is resolved at boot, not at the first job at night."""
    source = "from playhall import Job, Plugin\nplugin = Plugin(name='loot', version='1.0.0', jobs=[Job(name='loot.drop', run='loot_plugin.jobs:drop')])"
    install(tmp_path, "loot", {"__init__.py": source})
    assert "loot: names: ModuleNotFoundError: No module named 'loot_plugin.jobs'" in failure(tmp_path, "loot")


def test_broken_setup_is_reported_with_the_rest(tmp_path: Path) -> None:
    """Two plugins that raise while loading are two lines."""
    for name in ("loot", "plunder"):
        fields = {"setup": f"{name}_plugin.setup:setup"}
        install(tmp_path, name, {"__init__.py": manifest(name, **fields), "setup.py": "def setup(app, settings): raise OSError('no disk')"})
    message = failure(tmp_path, "loot,plunder")
    assert "loot: setup: OSError: no disk" in message
    assert "plunder: setup: OSError: no disk" in message


@pytest.mark.parametrize("part", ["settings", "models"])
def test_module_that_exits_is_reported(tmp_path: Path, part: str) -> None:
    """sys.exit() in a plugin is a problem of that plugin, not an end without a word."""
    target = "loot_plugin.other" + (":Settings" if part == "settings" else "")
    more = {"migrations": "loot_plugin.migrations"} if part == "models" else {}
    files = {"__init__.py": manifest("loot", **{part: target}, **more), "other.py": "import sys; sys.exit(0)"}
    install(tmp_path, "loot", files)
    assert f"loot: {part}: SystemExit: 0" in failure(tmp_path, "loot,shop")


def test_disabled_plugin_is_never_imported(tmp_path: Path) -> None:
    """Not even its manifest."""
    install(tmp_path, "loot", {"__init__.py": "raise SystemExit('imported')"})
    done = boot(tmp_path, "shop", code="import sys; from app import create_app; create_app(); print('loot_plugin' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_two_applications_in_one_process(tmp_path: Path) -> None:
    """Booting twice, with and without a plugin, shares no registry."""
    with_models(tmp_path, SHARED.format(name="Drop", table="loot_drop"))
    code = """
import os
from app import create_app
first = create_app().extensions["playhall"]
os.environ["PLAYHALL_PLUGINS"] = "shop"
second = create_app().extensions["playhall"]
print(len(first.plugins), len(second.plugins), first.limits is second.limits, first.sealed, second.sealed)
"""
    done = boot(tmp_path, "loot,shop", code=code)
    assert done.stdout.split() == ["3", "2", "False", "True", "True"], done.stderr


def test_nothing_is_added_after_boot(tmp_path: Path) -> None:
    """A late registration raises where it stands."""
    code = """
from app import create_app
playhall = create_app().extensions["playhall"]
for name in ("permissions", "limits", "events", "jobs", "subscriptions", "plugin_settings"):
    try:
        getattr(playhall, name)["late"] = 1
    except TypeError:
        print(name)
"""
    done = boot(tmp_path, "shop", code=code)
    assert done.stdout.split() == ["permissions", "limits", "events", "jobs", "subscriptions", "plugin_settings"], done.stderr


def test_broken_mapper_is_one_line(tmp_path: Path) -> None:
    """A relationship to a class that is not there stops the boot, at boot."""
    with_models(tmp_path, SHARED.format(name="Drop", table="loot_drop") + "    item = relationship('Nowhere')\n")
    assert "- models: " in failure(tmp_path, "loot,shop")


def test_table_without_a_model(tmp_path: Path) -> None:
    """A bare table would be nobody's."""
    with_models(tmp_path, "from sqlalchemy import Column, Integer, Table\nTable('shop_stolen', Base.metadata, Column('id', Integer))\n")
    assert "table 'shop_stolen' has no model" in failure(tmp_path, "loot,shop")


def test_route_that_setup_adds(tmp_path: Path) -> None:
    """The last resort is no way round the guards."""
    source = "def setup(app, settings): app.add_url_rule('/wide/open', 'wide', lambda: '', methods=['POST'])"
    install(tmp_path, "loot", {"__init__.py": manifest("loot", setup="loot_plugin.late:setup"), "late.py": source})
    assert "POST /wide/open: an unsafe route without @operation" in failure(tmp_path, "loot")


def test_two_routes_documented_as_one(tmp_path: Path) -> None:
    """An operationId stands once."""
    route = "@blueprint.get('/drops/{}')\n@operation()\n@blueprint.response(204)\ndef drops(): ...\n"
    modules = {f"{part}.py": ROUTES.format(name=name) + route.format(part) for part, name in (("one", "loot"), ("two", "loot-two"))}
    fields = {"blueprints": ["loot_plugin.one:blueprint", "loot_plugin.two:blueprint"]}
    install(tmp_path, "loot", {"__init__.py": manifest("loot", **fields), **modules})
    assert "two routes are documented as 'loot.drops'" in failure(tmp_path, "loot")
