"""What can be wrong with the core's settings although each is well formed: one sentence each, saying what to do."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

if TYPE_CHECKING:
    from app.core.settings import CoreSettings

ENVIRONMENTS = ("development", "test", "production")
LOG_LEVELS = ("debug", "info", "warning", "error")
DEVELOPMENT_SECRET = "development-only-secret-never-for-production"  # noqa: S105 - production refuses it  # pragma: allowlist secret
DEVELOPMENT_DATABASE = "postgresql://127.0.0.1/playhall"
DEVELOPMENT_REDIS = "redis://127.0.0.1:6379/0"
MINIMUM_SECRET = 32  # characters
FEWEST_DISTINCT = 8  # characters in a key
LOCAL = {"localhost", "127.0.0.1", "::1"}

SCHEMES = {"DATABASE_URL": ("postgresql", "postgresql+psycopg"), "REDIS_URL": ("redis", "rediss", "unix")}
EXAMPLES = {
    "DATABASE_URL": "postgresql://user:password@host:5432/name",  # pragma: allowlist secret
    "REDIS_URL": "redis://:password@host:6379/0",
}


def problems(settings: CoreSettings) -> list[str]:
    """Everything wrong, in whatever environment."""
    return [*_values(settings), *_urls(settings), *_numbers(settings), *_production(settings), *_test(settings)]


def _values(settings: CoreSettings) -> Iterator[str]:
    if settings.environment not in ENVIRONMENTS:
        yield f"PLAYHALL_ENVIRONMENT: {settings.environment!r} is none of {', '.join(ENVIRONMENTS)}"
    if settings.log_level not in LOG_LEVELS:
        yield f"PLAYHALL_LOG_LEVEL: {settings.log_level!r} is none of {', '.join(LOG_LEVELS)}"
    if not settings.secret_keys:
        yield "PLAYHALL_SECRET_KEYS: give at least one key"
    for proxy in settings.trusted_proxies:
        try:
            ip_network(proxy, strict=False)
        except ValueError:
            yield f"PLAYHALL_TRUSTED_PROXIES: {proxy!r} is no address and no network, write for example 10.0.0.0/8"


def _urls(settings: CoreSettings) -> Iterator[str]:
    for env, url in (("DATABASE_URL", settings.database_url), ("REDIS_URL", settings.redis_url)):
        if url.partition(":")[0] not in SCHEMES[env]:
            yield f"{env}: must begin with {' or '.join(f'{scheme}://' for scheme in SCHEMES[env])}"
        elif not _readable(url):
            yield f"{env}: cannot be read; write for example {EXAMPLES[env]}, with %40 for an @ in the password"


def _readable(url: str) -> bool:
    try:
        if url.startswith("postgresql"):
            make_url(url)
        else:
            _ = urlsplit(url).port
    except (ValueError, ArgumentError):
        return False
    return True


def _numbers(settings: CoreSettings) -> Iterator[str]:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if type(value) is int and value < 1:
            yield f"{field.metadata['env'] or f'PLAYHALL_{field.name.upper()}'}: {value} is too small; the least is 1"


def _production(settings: CoreSettings) -> Iterator[str]:
    if not settings.production:
        return
    make = 'make one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
    wrong = {
        "PLAYHALL_SECRET_KEYS: the development key is public; set your own": DEVELOPMENT_SECRET in settings.secret_keys,
        f"PLAYHALL_SECRET_KEYS: a key is shorter than {MINIMUM_SECRET} characters; {make}": any(
            len(key) < MINIMUM_SECRET for key in settings.secret_keys
        ),
        f"PLAYHALL_SECRET_KEYS: a key is easy to guess; {make}": any(len(set(key)) < FEWEST_DISTINCT for key in settings.secret_keys),
        "PLAYHALL_DEBUG: debug shows internals to players; unset it": settings.debug,
        "PLAYHALL_EMBEDDED: embedded servers are for development; set DATABASE_URL and REDIS_URL": settings.embedded,
        "PLAYHALL_CORS_ORIGINS: * lets every site call as the player; list the origins": "*" in settings.cors_origins,
        "PLAYHALL_HOSTS: list the host names that are served": not settings.hosts or "*" in settings.hosts,
        "DATABASE_URL: set the address of production's PostgreSQL": settings.database_url == DEVELOPMENT_DATABASE,
        "REDIS_URL: set the address of production's Redis": settings.redis_url == DEVELOPMENT_REDIS,
    }
    yield from (problem for problem, is_wrong in wrong.items() if is_wrong)


def _test(settings: CoreSettings) -> Iterator[str]:
    """Whatever libpq would connect to: the address, its query, and what the environment adds."""
    if settings.environment != "test" or not _readable(settings.database_url):
        return
    try:
        said = _connection(settings.database_url)
    except (ValueError, ArgumentError, psycopg.Error) as error:
        yield f"DATABASE_URL: {error}".strip()
        return
    if said.get("service") or os.environ.get("PGSERVICE"):
        yield "DATABASE_URL: tests do not use a connection service; write the address out"
    if not str(said.get("dbname") or os.environ.get("PGDATABASE", "")).endswith("_test"):
        yield "DATABASE_URL: tests only run on a database whose name ends in _test"
    for host in _hosts(said):
        if host not in LOCAL and not host.startswith("/") and host not in settings.test_db_hosts:
            yield f"DATABASE_URL: {host} is not this machine; list it in PLAYHALL_TEST_DB_HOSTS if tests may use it"


def _connection(url: str) -> dict[str, Any]:
    """What the driver is given for this address, by SQLAlchemy's reading, which differs from libpq's; an error when it is refused."""
    address = make_url(url).set(drivername="postgresql+psycopg")
    said = address.get_dialect()().create_connect_args(address)[1]
    for name, value in said.items():
        if isinstance(value, tuple):
            raise ValueError(f"write {name} once")
    return conninfo_to_dict(make_conninfo(**said))  # make_conninfo refuses names that libpq does not know


def _hosts(said: dict[str, Any]) -> list[str]:
    given = [str(said.get(key) or os.environ.get(variable, "")) for key, variable in (("host", "PGHOST"), ("hostaddr", "PGHOSTADDR"))]
    return [host for hosts in given for host in hosts.split(",") if host]
