"""`flask doctor`: what an operator has to know about this installation, one line a finding, and what to do about each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import click
import redis
from dotenv import dotenv_values
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.core import settings_names
from app.core.db import db
from app.core.errors import PluginError
from app.core.guarding.redis_client import impatient
from app.core.log import mask, passwords
from app.core.migrating.branches import MigrationError
from app.core.migrating.standing import orphans, pending, unknown
from app.core.operating.masking import HIDDEN, Mask
from app.core.operating.report import LATE
from app.core.queue.figures import figures
from app.core.registry import load
from app.core.settings import CoreSettings, Declared, SettingsError, declared, prefix
from app.core.state import Playhall, state
from app.core.wiring import parts

OK, WARN, FAIL = "ok", "warn", "fail"
_COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}
ADDRESSES = {"DATABASE_URL", "REDIS_URL"}  # secret, but for their host
OLDEST_POSTGRES, OLDEST_REDIS = 15, (6, 2)
OTHERS = 3  # worker, relay and scheduler, which hold a connection or two each


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about an area; unless it is ok, the text says what to do."""

    level: str
    area: str
    text: str


@click.command()
def doctor() -> None:
    """Examine settings, database, Redis, migrations, plugins and jobs; exit with 1 when something is broken."""
    failed = False
    for finding in examine():
        failed = failed or finding.level == FAIL
        click.echo(f"{click.style(f'{finding.level:4}', _COLOURS[finding.level])}  {finding.area:10}  {finding.text}")
    sys.exit(1 if failed else 0)


def examine() -> Iterator[Finding]:
    """Every finding, also when the application cannot boot."""
    from app import create_app  # the command is loaded without the application

    try:
        app = create_app()
    except (SettingsError, PluginError) as error:
        yield from (Finding(FAIL, "boot", line) for line in str(error).splitlines() if line)
        return
    playhall: Playhall = app.extensions["playhall"]
    with app.app_context():
        yield from _settings(playhall)
        yield from _redis(playhall.settings)
        yield from _plugins(playhall)
        found = list(_database(playhall.settings))
        yield from found
        if len(found) == 1 and found[0].level == FAIL:
            yield from _away(playhall)
        else:
            yield from _trying("migrations", lambda: _migrations(app))
            yield from _trying("jobs", lambda: _jobs(playhall.settings))
            yield from _health(playhall)


def _settings(playhall: Playhall) -> Iterator[Finding]:
    in_file = dotenv_values(".env")
    for one in declared(CoreSettings, "PLAYHALL_"):
        yield _setting(one, playhall.settings, in_file)
    for name, values in playhall.plugin_settings.items():
        for one in declared(type(values), prefix(name)):
            yield _setting(one, values, in_file)
    for sentence in settings_names.unknown(playhall):
        yield Finding(WARN, "settings", sentence)


def _setting(one: Declared, values: Any, in_file: Mapping[str, str | None]) -> Finding:
    value = getattr(values, one.name)
    if value in ("", (), {}):
        shown = "none"
    elif one.env in ADDRESSES:
        shown = _address(value)
    elif one.secret:
        shown = HIDDEN
    elif isinstance(value, str | tuple):
        # Its author may have forgotten to declare it secret.
        shown = Mask()(None, "", {one.name: value if isinstance(value, str) else ",".join(value)})[one.name]
    else:
        shown = str(value)
    return Finding(OK, "settings", f"{one.env} = {shown} ({_source(one.env, in_file)})")


def _address(address: str) -> str:
    for password in passwords(address):
        address = address.replace(f":{password}@", f":{HIDDEN}@").replace(f"={password}", f"={HIDDEN}")
    return address


def _source(name: str, in_file: Mapping[str, str | None]) -> str:
    # What .env says was put into the environment before we could look.
    if name in os.environ:
        return ".env" if in_file.get(name) == os.environ[name] else "environment"
    path = os.environ.get(f"{name}_FILE")
    return f"file {path}" if path else "default"


def _database(settings: CoreSettings) -> Iterator[Finding]:
    try:
        with db.engine.connect() as connection:
            number, version, most, open_now = connection.exec_driver_sql(
                "SELECT current_setting('server_version_num')::int, current_setting('server_version'), "
                "current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int, "
                "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
            ).one()
    except SQLAlchemyError as error:
        yield Finding(FAIL, "database", f"{_words(error)}. Check DATABASE_URL and that the server runs")
        return
    old = number // 10_000 < OLDEST_POSTGRES
    yield Finding(FAIL if old else OK, "database", f"PostgreSQL {version}" + (f"; {OLDEST_POSTGRES} or newer is needed" if old else ""))
    processes = settings.workers + OTHERS
    wanted = processes * (settings.database_pool_size + 1)
    text = f"{processes} processes may open {wanted} connections; the server has {most}, of which {open_now} are open"
    advice = "; lower PLAYHALL_DATABASE_POOL_SIZE or WEB_CONCURRENCY, or raise max_connections"
    yield Finding(OK, "database", text) if wanted <= most else Finding(WARN, "database", text + advice)


def _redis(settings: CoreSettings) -> Iterator[Finding]:
    client = impatient(settings.redis_url, 2)
    try:
        version = str(cast(dict[str, Any], client.info("server"))["redis_version"])
    except redis.RedisError as error:
        yield Finding(FAIL, "redis", f"{_words(error)}. Limits and wake-ups are off; check REDIS_URL and that the server runs")
        return
    old = tuple(map(int, version.split(".")[:2])) < OLDEST_REDIS
    yield Finding(FAIL if old else OK, "redis", f"Redis {version}" + ("; 6.2 or newer is needed" if old else ""))
    try:
        policy = cast(dict[str, str], client.config_get("maxmemory-policy"))["maxmemory-policy"]
    except redis.RedisError:
        yield Finding(WARN, "redis", "its settings cannot be read; see to it that maxmemory-policy is noeviction")
        return
    finally:
        client.close()
    if policy == "noeviction":
        yield Finding(OK, "redis", "maxmemory-policy noeviction")
    else:
        yield Finding(WARN, "redis", f"maxmemory-policy {policy} throws limits and revocations away when full; set noeviction")


def _plugins(playhall: Playhall) -> Iterator[Finding]:
    for plugin in playhall.plugins:
        requires = ", ".join(f"{name} {versions} (has {load(name).version})" for name, versions in plugin.requires.items())
        yield Finding(OK, "plugins", f"{plugin.name} {plugin.version}" + (f", requires {requires}" if requires else ""))


def _away(playhall: Playhall) -> Iterator[Finding]:
    for area in ("migrations", "jobs", "events", "kafka", *(name for name, _ in parts(playhall, "health"))):
        if area == "kafka" and not playhall.settings.kafka_servers:
            yield Finding(OK, area, "disabled")
        else:
            yield Finding(WARN, area, "unknown: the database is away")


def _migrations(app: Flask) -> Iterator[Finding]:
    behind, ahead, left = pending(app), unknown(app), orphans(app)
    for name, at in behind.items():
        yield Finding(FAIL, "migrations", f"{name} is at {at.current or 'nothing'}, the code needs {at.head}; run: flask db upgrade")
    for name, at in ahead.items():
        yield Finding(WARN, "migrations", f"{name} is at {at.current}, which this code does not have; install the version that has it")
    for orphan in left:
        tables = ", ".join(orphan.tables)
        advice = f"enable it, or: flask plugin purge {orphan.plugin}"
        yield Finding(WARN, "migrations", f"{orphan.plugin} is not enabled but has tables ({tables}); {advice}")
    if not behind and not ahead:
        yield Finding(OK, "migrations", "every branch is at its newest revision")


def _jobs(settings: CoreSettings) -> Iterator[Finding]:
    found = figures()
    late = found.job_lag_s > LATE
    text = f"{found.jobs_due} due, {found.jobs_running} running; the oldest has waited {found.job_lag_s:.0f} s"
    yield Finding(FAIL if late else OK, "jobs", text + ("; start: flask worker" if late else ""))
    if found.jobs_dead:
        yield Finding(WARN, "jobs", f"{found.jobs_dead} failed for good; see: flask jobs list")
    if found.jobs_unknown:
        yield Finding(WARN, "jobs", f"{found.jobs_unknown} wait for a plugin that is not enabled; enable it or discard them")
    late = found.outbox_lag_s > LATE
    text = f"{found.outbox_waiting} wait, the oldest for {found.outbox_lag_s:.0f} s"
    yield Finding(FAIL if late else OK, "events", text + ("; start: flask relay" if late else ""))
    if not settings.kafka_servers:
        yield Finding(OK, "kafka", "disabled")
    else:
        late = (found.kafka_lag_s or 0) > LATE
        text = f"{found.kafka_waiting} wait, the oldest for {found.kafka_lag_s:.0f} s"
        yield Finding(WARN if late else OK, "kafka", text + ("; check PLAYHALL_KAFKA_SERVERS and the broker" if late else ""))
    if found.kafka_refused:
        yield Finding(WARN, "kafka", f"{found.kafka_refused} were refused and set aside; see: flask events list")


def _health(playhall: Playhall) -> Iterator[Finding]:
    for name, ask in parts(playhall, "health"):
        try:
            ask()
        except Exception as error:  # noqa: BLE001 - whatever it raises, it says that the plugin does not work
            yield Finding(FAIL, name, _words(error))
        else:
            yield Finding(OK, name, "works")


def _trying(area: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except (SQLAlchemyError, MigrationError) as error:
        yield Finding(FAIL, area, f"{_words(error)}; after `flask db upgrade` look again")


def _words(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error)
    return mask(state()).text(" ".join(said.split()).rstrip(".")) or type(error).__name__
