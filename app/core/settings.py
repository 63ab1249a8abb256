"""Typed settings, read once from the environment, `.env` and files, with one report of everything missing or wrong."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_type_hints

from environs import EnvValidationError, FileAwareEnv

from app.core import settings_checks
from app.core.settings_checks import DEVELOPMENT_DATABASE, DEVELOPMENT_REDIS, DEVELOPMENT_SECRET

S = TypeVar("S")


class SettingsError(Exception):
    """Some settings are missing or wrong; the message has one line for each."""


def setting(default: Any = dataclasses.MISSING, *, doc: str, env: str | None = None, secret: bool = False) -> Any:
    """Declare a field of a settings class: its default, what it does, and whether it must never be shown."""
    metadata = {"doc": doc, "env": env, "secret": secret}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, repr=not secret, metadata=metadata)
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Declared:
    """One setting as the documentation and the reader see it."""

    env: str
    name: str
    type: Any
    default: Any
    doc: str
    secret: bool


def declared(cls: type[Any], prefix: str) -> list[Declared]:
    """The settings of a class, in its order."""
    hints = get_type_hints(cls)
    return [
        Declared(
            env=field.metadata.get("env") or f"{prefix}{field.name.upper()}",
            name=field.name,
            type=hints[field.name],
            default=field.default if field.default_factory is dataclasses.MISSING else field.default_factory(),
            doc=field.metadata["doc"],
            secret=field.metadata["secret"],
        )
        for field in dataclasses.fields(cls)
    ]


def prefix(plugin: str) -> str:
    """What a plugin's variables begin with."""
    return f"PLAYHALL_{plugin.upper()}_"


def read(classes: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Read every class (variable prefix -> class) together, or raise one SettingsError that names all that is wrong."""
    env = FileAwareEnv(eager=False, strip_whitespace=True)
    env.read_env(".env", recurse=False)
    counts = Counter(one.env for key, cls in classes.items() for one in declared(cls, key))
    problems = [f"{name}: two settings read this variable; rename one" for name, count in counts.items() if count > 1]
    values = {key: _values(env, declared(cls, key), problems) for key, cls in classes.items()}
    try:
        env.seal()
    except EnvValidationError as error:
        problems += [f"{name}: {' '.join(map(str, found))}" for name, found in cast(Mapping[str, list[str]], error.error_messages).items()]
    wrong = {problem.partition(":")[0] for problem in problems}
    made = {key: _made(key, cls, values[key], wrong, problems) for key, cls in classes.items()}
    if problems:
        raise SettingsError("\n".join(problems))
    return made


def _made(key: str, cls: type[Any], values: Mapping[str, Any], wrong: Container[str], problems: list[str]) -> Any:
    """The class with its values, and what problems() says of them; it may define that, for values that are each well formed.

    For those that could not be read there is the default or nothing, so that the others are looked at in the same report.
    """
    stand_ins = {
        one.name: _NOTHING.get(one.type) if one.default is dataclasses.MISSING else one.default
        for one in declared(cls, key)
        if one.env in wrong
    }
    try:
        made = cls(**{**values, **stand_ins})
        found = list(made.problems()) if hasattr(made, "problems") else []
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises, the others are reported too
        if not stand_ins:
            problems.append(f"{key}*: {cls.__qualname__} raises {type(error).__name__}: {error}")
        return None
    problems += [problem for problem in found if problem.partition(":")[0] not in wrong]
    return made


def _values(env: FileAwareEnv, settings: Iterable[Declared], problems: list[str]) -> dict[str, Any]:
    values = {}
    for one in settings:
        if one.type not in _NOTHING:
            problems.append(
                f"{one.env}: no setting has the type {one.type}; write str, int, float, bool, tuple[str, ...] or Mapping[str, str]"
            )
            continue
        parse = _parser(env, one.type)
        given = {} if one.default is dataclasses.MISSING else {"default": one.default}
        try:
            values[one.name] = parse(one.env, **given)
        except ValueError as error:  # a *_FILE that cannot be read
            problems.append(f"{one.env}: {error}")
    return values


_NOTHING: Mapping[Any, Any] = {str: "", int: 0, float: 0.0, bool: False, tuple[str, ...]: (), Mapping[str, str]: {}}


def _parser(env: FileAwareEnv, kind: Any) -> Callable[..., Any]:
    def as_tuple(name: str, **given: Any) -> tuple[str, ...]:
        return tuple(item.strip() for item in env.list(name, **given) or () if item.strip())

    def as_mapping(name: str, **given: Any) -> Mapping[str, str]:
        try:
            return dict(env.dict(name, **given) or {})
        except ValueError as error:
            raise ValueError("write name=value pairs, separated by commas") from error

    parsers: dict[Any, Callable[..., Any]] = {
        str: env.str,
        int: env.int,
        float: env.float,
        bool: env.bool,
        tuple[str, ...]: as_tuple,
        Mapping[str, str]: as_mapping,
    }
    return parsers[kind]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which plugins boot: read first, because the rest of the settings depends on it."""

    plugins: tuple[str, ...] = setting(
        ("auth", "shop", "gacha", "notifications"), doc="The plugins that are on, by name. Installing one is not enabling it."
    )
    safe_mode: bool = setting(False, doc="Boot the built-in plugins only, whatever is enabled.")


@dataclass(frozen=True, kw_only=True)
class CoreSettings(Selection):
    """The core's own settings, prefix PLAYHALL_."""

    environment: str = setting("development", doc="`development`, `test` or `production`.")
    debug: bool = setting(False, doc="Show internals in errors. Refused in production.")
    secret_keys: tuple[str, ...] = setting(
        (DEVELOPMENT_SECRET,),
        doc="Keys that sign tokens and cursors: the first signs, all verify. At least 32 characters each.",
        secret=True,
    )
    database_url: str = setting(
        DEVELOPMENT_DATABASE,
        doc="PostgreSQL 15 or newer. `make run` embeds one when it is not given.",
        env="DATABASE_URL",
        secret=True,
    )
    redis_url: str = setting(
        DEVELOPMENT_REDIS,
        doc="Redis 6.2 or newer, or Valkey. `make run` embeds one when it is not given.",
        env="REDIS_URL",
        secret=True,
    )
    redis_timeout_ms: int = setting(
        100, doc="A request that waits longer for Redis goes on without its limits, in milliseconds. Jobs have time-outs of their own."
    )
    embedded: bool = setting(False, doc="Set by `make run` when it embeds a server. Refused in production.")
    test_db_hosts: tuple[str, ...] = setting((), doc="Hosts besides this machine whose databases the test environment may use.")
    database_pool_size: int = setting(10, doc="Connections to PostgreSQL per process.")
    statement_timeout_ms: int = setting(2500, doc="A statement that runs longer is cancelled, in milliseconds.")
    lock_timeout_ms: int = setting(2000, doc="A statement that waits longer for a lock is cancelled, in milliseconds.")
    hosts: tuple[str, ...] = setting((), doc="Host names served. Empty serves all; production must list them. Health probes always pass.")
    cors_origins: tuple[str, ...] = setting((), doc="Origins that browsers may call from, or `*`, which production refuses.")
    trusted_proxies: tuple[str, ...] = setting((), doc="Addresses or networks of proxies whose X-Forwarded-* headers are believed.")
    max_body_bytes: int = setting(1_048_576, doc="A larger body is refused with 413, in bytes.")
    bind: str = setting("127.0.0.1:8000", doc="Address of the API.")
    workers: int = setting(2, env="WEB_CONCURRENCY", doc="Processes that serve the API.")
    management_bind: str = setting("127.0.0.1:9000", doc="Address of /livez, /readyz and /metrics. Port 0 takes a free one.")
    limits: Mapping[str, str] = setting(
        {}, doc="Rates by limit name, over the defaults: `core.default=600/minute,auth.login=5/minute;10/5minutes`."
    )
    max_jobs_per_account: int = setting(4, doc="Jobs that one account may have under way at a time.")
    job_timeout_s: int = setting(60, doc="A job that runs longer is killed and counts as failed, in seconds.")
    job_memory_mb: int = setting(1024, doc="A job that asks for more memory gets a MemoryError, in MiB of data for the whole process.")
    job_backoff_s: float = setting(5.0, doc="Seconds before the first retry of a job; three times as long before each further one.")
    queue_days: int = setting(7, doc="Finished jobs and relayed events are kept for so many days.")
    kafka_servers: str = setting("", doc="Bootstrap servers. Empty: events do not go to Kafka.")
    kafka_options: Mapping[str, str] = setting(
        {}, doc="Further options of librdkafka: `security.protocol=SASL_SSL,sasl.username=...`.", secret=True
    )
    log_level: str = setting("info", doc="`debug`, `info`, `warning` or `error`.")
    slow_request_ms: int = setting(200, doc="A request that takes longer is logged as slow, in milliseconds.")

    @property
    def production(self) -> bool:
        """Whether real players are served."""
        return self.environment == "production"

    def problems(self) -> list[str]:
        """What is wrong with values that are each well formed, one sentence each, saying what to do."""
        return settings_checks.problems(self)
