"""What can be wrong with the core's settings although each is well formed: one sentence each, saying what to do."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from app.core.settings import CoreSettings

ENVIRONMENTS = ("development", "test", "production")
LOG_LEVELS = ("debug", "info", "warning", "error")
DEVELOPMENT_SECRET = "development-only-secret-never-for-production"  # noqa: S105 - production refuses it
DEVELOPMENT_DATABASE = "postgresql://127.0.0.1/playhall"
DEVELOPMENT_REDIS = "redis://127.0.0.1:6379/0"
MINIMUM_SECRET = 32  # characters
FEWEST_DISTINCT = 8  # characters in a key
LOCAL = {"localhost", "127.0.0.1", "::1"}

SCHEMES = {
    "database_url": ("DATABASE_URL", ("postgresql", "postgresql+psycopg")),
    "redis_url": ("REDIS_URL", ("redis", "rediss", "unix")),
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
    for name, (env, schemes) in SCHEMES.items():
        if urlsplit(getattr(settings, name)).scheme not in schemes:
            yield f"{env}: must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"


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
    if settings.environment != "test":
        return
    try:
        said = conninfo_to_dict(settings.database_url.replace("postgresql+psycopg://", "postgresql://", 1))
    except psycopg.Error as error:
        yield f"DATABASE_URL: {error}".strip()
        return
    if said.get("service") or os.environ.get("PGSERVICE"):
        yield "DATABASE_URL: tests do not use a connection service; write the address out"
    if not str(said.get("dbname") or os.environ.get("PGDATABASE", "")).endswith("_test"):
        yield "DATABASE_URL: tests only run on a database whose name ends in _test"
    for host in _hosts(said):
        if host not in LOCAL and not host.startswith("/") and host not in settings.test_db_hosts:
            yield f"DATABASE_URL: {host} is not this machine; list it in PLAYHALL_TEST_DB_HOSTS if tests may use it"


def _hosts(said: dict[str, str | int | None]) -> list[str]:
    given = [str(said.get(key) or os.environ.get(variable, "")) for key, variable in (("host", "PGHOST"), ("hostaddr", "PGHOSTADDR"))]
    return [host for hosts in given for host in hosts.split(",") if host]
