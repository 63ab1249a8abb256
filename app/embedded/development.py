"""The servers of one checkout, for development: what the environment does not give is started under var/."""

import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from app.embedded import place
from app.embedded.child import Child
from app.embedded.errors import EmbeddedError, FolderInUse
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.redis import EmbeddedRedis

_ADDRESSES = "services.env"
_BINDS = {"PLAYHALL_BIND": "127.0.0.1:8000", "PLAYHALL_MANAGEMENT_BIND": "127.0.0.1:9000"}


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers started here answer, the environment that says so, and their processes."""

    urls: Mapping[str, str]
    env: Mapping[str, str]
    children: tuple[Child, ...]


def start(var: Path, stack: ExitStack) -> Servers:
    """Start PostgreSQL and Redis unless DATABASE_URL and REDIS_URL are given; `stack` stops them."""
    given = _given()
    started: dict[str, EmbeddedPostgres | EmbeddedRedis] = {}
    if not _is_given(given, "DATABASE_URL"):
        started["DATABASE_URL"] = EmbeddedPostgres(var / "postgres")
    if not _is_given(given, "REDIS_URL"):
        started["REDIS_URL"] = EmbeddedRedis(var / "redis")
    if started:
        if given.get("PLAYHALL_ENVIRONMENT") == "production":
            raise EmbeddedError(f"production needs servers of its own: set {' and '.join(started)}")
        stack.enter_context(place.locked(var))
        for server in started.values():
            stack.enter_context(server)
    urls = {name: server.url for name, server in started.items()}
    addresses = var / _ADDRESSES
    if started:
        stack.callback(addresses.unlink, missing_ok=True)
        addresses.write_text("".join(f"{name}='{url}'\n" for name, url in urls.items()))
    told = {"PLAYHALL_EMBEDDED": "true"} if started else {}
    return Servers(urls, {**os.environ, **urls, **told}, tuple(server.child for server in started.values() if server.child))


def _given() -> Mapping[str, str | None]:
    return {**dotenv_values(".env"), **os.environ}


def _is_given(given: Mapping[str, str | None], name: str) -> bool:
    return bool(given.get(name) or given.get(f"{name}_FILE"))


def env_of_running(var: Path) -> Mapping[str, str] | None:
    """Give the environment for a command beside a run from this checkout; None when nothing runs."""
    addresses = var / _ADDRESSES
    if not addresses.exists():
        return None
    try:
        with place.locked(var, patience=0):
            return None  # left by a run that was killed
    except FolderInUse:
        found = {name: value for name, value in dotenv_values(addresses).items() if value}
        return {**os.environ, **found, "PLAYHALL_EMBEDDED": "true"}


def refuse_taken_addresses() -> None:
    """Raise EmbeddedError when somebody listens already where we want to; better now than after everything was started."""
    for name, where in _binds().items():
        host, _, port = where.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            socket.create_server((host.strip("[]"), int(port)), family=family).close()
        except ValueError:
            continue  # no address: the web server says so
        except OSError as error:
            raise EmbeddedError(
                f"{where}: {os.strerror(error.errno or 0)}. Stop what listens there, or choose another address: "
                f"{name}=127.0.0.1:{int(port) + 80} make run"
            ) from error


def _binds() -> Mapping[str, str]:
    given = _given()
    return {name: given.get(name) or default for name, default in _BINDS.items()}


def where_to_look(servers: Servers) -> str:
    """Give the lines that a person reads first."""
    bind, management = _binds().values()
    lines = {
        "API": f"http://{bind}/api/v1",
        "its description": f"http://{bind}/docs",
        "health, metrics": f"http://{management}/livez /readyz /metrics",
        "a token": ".venv/bin/python -m app.embedded flask dev token",
        "stop": "Ctrl-C",
        **servers.urls,
    }
    return "\n".join(["", "Playhall", *(f"  {name:<16} {value}" for name, value in lines.items()), ""])
