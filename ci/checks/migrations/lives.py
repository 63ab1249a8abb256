"""The lives of plugins, each in a process of its own: alone, all together, without one, and taken out again.

What is imported by one process would hide what another plugin forgot to ask for, so each life is a fork of a process that has imported
the core alone. Reads `{"plugins": {name: [what it requires]}, "tested": [name]}` from standard input and writes troubles to a file.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import make_url

from app import create_app
from app.core import boot, wiring  # noqa: F401 - imported once, for all that are forked
from app.core.migrating.branches import branches, find_branch
from app.core.migrating.exclusive import exclusive
from app.core.migrating.removal import remove
from app.core.migrating.standing import orphans
from app.core.migrations import upgrade, upgrade_branch
from app.core.registry import ECONOMY, RAISED
from playhall.testing.databases import scratch
from playhall.testing.rows import fill, rows
from playhall.testing.samples import given
from playhall.testing.schema import changed, schema
from playhall.testing.services import Services

Trouble = tuple[str, str, str]  # plugin, what is wrong, what to do
Requires = Mapping[str, Sequence[str]]

_NEEDS = "name in requires of its Plugin what it needs, or do without"

_LEFT = """
INSERT INTO core_job (id, name, payload) VALUES (gen_random_uuid(), '{0}.left', '{{}}');
INSERT INTO core_outbox (id, name, payload) VALUES (gen_random_uuid(), '{0}.left.v1', '{{}}')
"""


def main() -> None:
    """Run all lives, one after the other."""
    asked = json.load(sys.stdin)
    servers = Services(os.environ["TEST_DATABASE_URL"], os.environ["TEST_REDIS_URL"])
    Path(sys.argv[1]).write_text(json.dumps(list(_troubles(servers, asked["plugins"], asked["tested"]))), encoding="utf-8")


def _troubles(servers: Services, plugins: Requires, tested: Sequence[str]) -> Iterator[Trouble]:
    with scratch(servers) as base:
        yield from _apart(base, (), partial(_boots, ECONOMY, "alone", "correct it"))
        template = make_url(base).database

        def live(enabled: Iterable[str], life: Callable[[], Iterator[Trouble]]) -> Iterator[Trouble]:
            with scratch(servers, template) as url:
                yield from _apart(url, sorted(enabled), life)

        for name in tested:
            yield from live({name, *plugins[name]}, partial(_boots, name, "alone with what it requires", _NEEDS))
        yield from live(plugins, partial(_boots, tested[0], f"together with {', '.join(plugins)}", "rename what clashes"))
        for name in tested:
            rest = {one for one in plugins if one != name and name not in plugins[one]}
            yield from live(rest, partial(_leaves, name))


def _apart(url: str, enabled: Iterable[str], life: Callable[[], Iterator[Trouble]]) -> list[Trouble]:
    """Live in a fork over that database with these plugins on."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.environ.update(DATABASE_URL=url, PLAYHALL_PLUGINS=",".join(enabled))
        try:
            troubles = list(life())
        except RAISED:  # whatever a plugin does, it is told by the process that lives on
            troubles = [("", traceback.format_exc(), "")]
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            json.dump(troubles, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    troubles = [(name, what, do) for name, what, do in json.loads(text or '[["", "it died", ""]]')]
    if broken := next((what for name, what, _ in troubles if not name), None):
        raise RuntimeError(broken)
    return troubles


def _boots(name: str, how: str, do: str) -> Iterator[Trouble]:
    try:
        upgrade(create_app())
    except RAISED as error:
        yield name, f"{name} {how} does not boot and migrate: {type(error).__name__}: {error}", do


def _leaves(name: str) -> Iterator[Trouble]:
    """Without it all others boot; it comes, is used, and goes; what is left is what was there."""
    try:
        app = create_app()
        upgrade(app)
    except RAISED as error:
        said = f"without {name} the others do not boot and migrate: {type(error).__name__}: {error}"
        yield name, said, f"let whoever needs {name} name it in requires, or do without"
        return
    branch = next((one for one in [find_branch(app, name)] if one not in branches(app)), None)
    if branch is None:
        return
    with exclusive(app) as connection:
        url = connection.engine.url
        fill(connection)
        before, kept = schema(url), rows(connection)
        upgrade_branch(connection, branch)
        fill(connection, given(name), branch.owns)
        connection.exec_driver_sql(_LEFT.format(name))
        connection.commit()
    done = app.test_cli_runner().invoke(remove, [name, "--yes"])
    if done.exit_code:
        yield name, f"flask plugin remove {name} fails: {done.output} {done.exception or ''}", "correct the downgrades"
        return
    after = schema(url)
    for entry, _ in changed(before, after):
        state = "left behind" if entry not in before else "gone" if entry not in after else "changed"
        yield name, f"after flask plugin remove {name}, {' '.join(entry)} is {state}", _TAKE_BACK[entry not in before]
    with exclusive(app) as connection:
        now = rows(connection)
    for table in sorted(kept.keys() | now.keys()):
        if table in kept and any(row not in now.get(table, []) for row in kept[table]):
            yield name, f"flask plugin remove {name} took or changed rows of {table}", "delete only what is the plugin's own"
        elif table in kept and len(now[table]) > len(kept[table]):
            yield name, f"{name} leaves rows in {table}", "write rows of its own tables alone"
    if any(orphan.plugin == name for orphan in orphans(app)):
        yield name, f"flask doctor still finds tables of {name}", _TAKE_BACK[True]


_TAKE_BACK = {True: "drop it in downgrade() of the revision that made it", False: "leave alone what is not the plugin's"}

if __name__ == "__main__":
    main()
