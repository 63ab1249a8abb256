"""The life of third parties' plugins: installed, enabled, migrated, called, removed, uninstalled; and the rest still works.

One is the example, from a wheel; the other is what `flask plugin new` writes, untouched, from its source folder. They live together,
because one life takes a dozen starts of the application.
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from installed import BUILT_IN, Installation, call, until
from packaging_tools import build_wheel, install, install_source, uninstall

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "loot"


def test_life_of_two_plugins(playhall: Installation, tmp_path: Path) -> None:
    """From pip install to pip uninstall, nothing but the plugins' own comes and goes."""
    playhall.flask("db", "upgrade")
    before = playhall.tables()

    install(playhall.python, build_wheel(EXAMPLE, ("setup.cfg", "pyproject.toml", "README.md", "src"), tmp_path / "build"))
    playhall.flask("plugin", "new", "sprout")
    install_source(playhall.python, tmp_path / "playhall-sprout")
    states = {line.split()[0]: line.split()[2] for line in playhall.flask("plugin", "list").splitlines()}
    assert (states["loot"], states["sprout"], states["shop"]) == ("off", "off", "on")

    playhall.env["PLAYHALL_PLUGINS"] = f"{BUILT_IN},loot,sprout"
    playhall.env["PLAYHALL_LOOT_CHESTS_PER_DAY"] = "2"
    assert playhall.flask("plugin", "check").startswith("All is well: ")
    playhall.flask("db", "upgrade")
    added = {"loot_chest", "loot_tally", "sprout_ticket", "alembic_version_loot", "alembic_version_sprout"}
    assert playhall.tables() - before == added
    assert playhall.flask("db", "check") == "models and revisions say the same\n"
    token = playhall.flask("dev", "token").split()[-1]
    with playhall.serving() as api:
        open_and_tally(f"{api}/loot", f"Bearer {token}")
        take_and_print(f"{api}/sprout/tickets", f"Bearer {token}")

    playhall.env["PLAYHALL_PLUGINS"] = BUILT_IN
    for name in ("loot", "sprout"):
        playhall.flask("plugin", "remove", name, "--yes")
        uninstall(playhall.python, f"playhall-{name}")
    playhall.flask("db", "check")
    assert playhall.tables() == before
    with playhall.serving() as api:
        assert call(f"{api}/shop/products")[0] == 200
        assert [call(f"{api}/{path}")[0] for path in ("loot/tallies", "sprout/tickets")] == [404, 404]


def open_and_tally(loot: str, token: str) -> None:
    """Two chests a day, each once per key, and both counted by the worker."""
    first = uuid4().hex
    status, chest = call(f"{loot}/chests", "POST", Authorization=token, Idempotency_Key=first)
    assert status == 201, chest
    assert call(f"{loot}/chests", "POST", Authorization=token, Idempotency_Key=first) == (201, chest)
    assert call(f"{loot}/chests", "POST", Authorization=token, Idempotency_Key=uuid4().hex)[0] == 201
    status, problem = call(f"{loot}/chests", "POST", Authorization=token, Idempotency_Key=uuid4().hex)
    assert (status, problem["code"]) == (409, "loot.no_chest_left")
    assert call(f"{loot}/chests", "POST", Idempotency_Key=uuid4().hex)[0] == 401
    assert len(call(f"{loot}/chests", Authorization=token)[1]["items"]) == 2
    until(lambda: sum(tally["times"] for tally in call(f"{loot}/tallies")[1]["items"]) == 2)


def take_and_print(tickets: str, token: str) -> None:
    """A ticket once per key, printed by the worker."""
    key, body = uuid4().hex, {"ride": "carousel"}
    status, ticket = call(tickets, "POST", body, Authorization=token, Idempotency_Key=key)
    assert (status, ticket["ride"], ticket["printed_at"]) == (201, "carousel", None)
    assert call(tickets, "POST", body, Authorization=token, Idempotency_Key=key) == (201, ticket)
    assert call(tickets)[0] == 401
    until(lambda: [bool(one["printed_at"]) for one in call(tickets, Authorization=token)[1]["items"]] == [True])
