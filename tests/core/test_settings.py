"""Settings are typed, read once, and everything wrong with them is one report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path
from typing import Any

import pytest

from app.core.settings import CoreSettings, SettingsError, declared, prefix, read, setting
from app.core.settings_checks import DEVELOPMENT_SECRET

SECRET = "0123456789abcdef" * 3
PRODUCTION = {
    "PLAYHALL_ENVIRONMENT": "production",
    "PLAYHALL_SECRET_KEYS": SECRET,
    "PLAYHALL_HOSTS": "api.example.com",
    "DATABASE_URL": "postgresql://db.internal/playhall",
    "REDIS_URL": "redis://redis.internal/0",
}


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Read the core's settings from this environment alone: `core(PLAYHALL_DEBUG="true")`."""
    monkeypatch.chdir(tmp_path)

    def make(environ: Mapping[str, str] | None = None, /, **more: str) -> CoreSettings:
        for name in list(os.environ):
            if name.startswith(("PLAYHALL_", "DATABASE_URL", "REDIS_URL")):
                monkeypatch.delenv(name)
        for name, value in {**(environ or {}), **more}.items():
            monkeypatch.setenv(name, value)
        settings: CoreSettings = read({"PLAYHALL_": CoreSettings})["PLAYHALL_"]
        return settings

    return make


def test_defaults_are_for_development(core: Any) -> None:
    """Nothing has to be set to begin."""
    settings = core()
    assert settings.environment == "development"
    assert settings.secret_keys == (DEVELOPMENT_SECRET,)
    assert not settings.production


def test_settings_are_frozen(core: Any) -> None:
    """Nobody changes them while the application runs."""
    with pytest.raises(FrozenInstanceError):
        core().debug = True


def test_types(core: Any) -> None:
    """Whole numbers, truth, lists and mappings are read as such."""
    settings = core(
        PLAYHALL_DEBUG="yes",
        PLAYHALL_DATABASE_POOL_SIZE="3",
        PLAYHALL_HOSTS="a.example, b.example,",
        PLAYHALL_LIMITS="core.default=1/minute",
    )
    assert settings.debug is True
    assert settings.database_pool_size == 3
    assert settings.hosts == ("a.example", "b.example")
    assert settings.limits == {"core.default": "1/minute"}


def test_every_mistake_is_reported_at_once(core: Any) -> None:
    """Three wrong values are three lines that name the variables."""
    with pytest.raises(SettingsError) as caught:
        core(PLAYHALL_DEBUG="perhaps", PLAYHALL_DATABASE_POOL_SIZE="many", PLAYHALL_MAX_BODY_BYTES="1MB")
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in sorted(lines)] == [
        "PLAYHALL_DATABASE_POOL_SIZE",
        "PLAYHALL_DEBUG",
        "PLAYHALL_MAX_BODY_BYTES",
    ]


def test_core_and_plugin_in_one_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin's mistake stands beside the core's; a setting without default must be given."""

    @dataclass(frozen=True, kw_only=True)
    class Loot:
        key: str = setting(doc="The key.", secret=True)
        drops: int = setting(1, doc="How many.")

    monkeypatch.setenv("PLAYHALL_DEBUG", "perhaps")
    monkeypatch.setenv("PLAYHALL_LOOT_DROPS", "few")
    with pytest.raises(SettingsError) as caught:
        read({"PLAYHALL_": CoreSettings, prefix("loot"): Loot})
    for name in ("PLAYHALL_DEBUG", "PLAYHALL_LOOT_DROPS", "PLAYHALL_LOOT_KEY: Environment variable not set."):
        assert name in str(caught.value)


def test_wrong_types_do_not_hide_wrong_values(core: Any) -> None:
    """One report of both; of a setting that cannot be read nothing else is said."""
    with pytest.raises(SettingsError) as caught:
        core(
            PRODUCTION,
            PLAYHALL_EMBEDDED="perhaps",
            PLAYHALL_DATABASE_POOL_SIZE="many",
            PLAYHALL_LOG_LEVEL="loud",
            PLAYHALL_SECRET_KEYS_FILE="missing",  # pragma: allowlist secret
            PLAYHALL_HOSTS="",
        )
    assert sorted(line.split(":")[0] for line in str(caught.value).splitlines()) == [
        "PLAYHALL_DATABASE_POOL_SIZE",
        "PLAYHALL_EMBEDDED",
        "PLAYHALL_HOSTS",
        "PLAYHALL_LOG_LEVEL",
        "PLAYHALL_SECRET_KEYS",
    ]


def test_missing_and_wrong_values_of_a_plugin_in_one_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing stands beside what problems() says of the rest."""

    @dataclass(frozen=True, kw_only=True)
    class Loot:
        key: str = setting(doc="The key.")
        drops: int = setting(1, doc="How many.")

        def problems(self) -> list[str]:
            return [f"PLAYHALL_LOOT_DROPS: {self.drops} is odd", *(["PLAYHALL_LOOT_KEY: too short"] if len(self.key) < 3 else [])]

    monkeypatch.setenv("PLAYHALL_LOOT_DROPS", "7")
    with pytest.raises(SettingsError) as caught:
        read({prefix("loot"): Loot})
    assert str(caught.value).splitlines() == ["PLAYHALL_LOOT_KEY: Environment variable not set.", "PLAYHALL_LOOT_DROPS: 7 is odd"]


def test_settings_class_that_raises_is_a_line_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core's mistakes are reported beside it; when it chokes on what could not be read, that is said alone."""

    @dataclass(frozen=True, kw_only=True)
    class Loot:
        drops: int = setting(1, doc="How many.")

        def problems(self) -> list[str]:
            raise RuntimeError("broken")

    monkeypatch.setenv("PLAYHALL_DEBUG", "perhaps")
    with pytest.raises(SettingsError) as caught:
        read({"PLAYHALL_": CoreSettings, prefix("loot"): Loot})
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["PLAYHALL_DEBUG", "PLAYHALL_LOOT_*"]
    monkeypatch.setenv("PLAYHALL_LOOT_DROPS", "few")
    with pytest.raises(SettingsError, match=r"\APLAYHALL_LOOT_DROPS: Not a valid integer\.\Z"):
        read({prefix("loot"): Loot})


def test_type_that_no_setting_has() -> None:
    """It says which there are."""

    @dataclass(frozen=True, kw_only=True)
    class Loot:
        drops: int | None = setting(None, doc="How many.")

    with pytest.raises(SettingsError, match=r"PLAYHALL_LOOT_DROPS: no setting has the type int \| None; write str, int"):
        read({prefix("loot"): Loot})


def test_file_of_a_secret(core: Any, tmp_path: Path) -> None:
    """A variable that ends in _FILE names a file that holds the value; the newline at its end is not part of it."""
    (tmp_path / "key").write_text(f"{SECRET}\n")
    assert core(PLAYHALL_SECRET_KEYS_FILE=str(tmp_path / "key")).secret_keys == (SECRET,)


def test_file_that_is_not_there(core: Any) -> None:
    """The variable is named, and nothing falls back to a default."""
    with pytest.raises(SettingsError, match="PLAYHALL_SECRET_KEYS"):
        core(PLAYHALL_SECRET_KEYS_FILE="missing")  # pragma: allowlist secret


def test_dotenv(core: Any, tmp_path: Path) -> None:
    """`.env` is read, and the environment wins over it."""
    (tmp_path / ".env").write_text("PLAYHALL_LOG_LEVEL=debug\nPLAYHALL_DATABASE_POOL_SIZE=7\n")
    settings = core(PLAYHALL_DATABASE_POOL_SIZE="3")
    assert (settings.log_level, settings.database_pool_size) == ("debug", 3)


def test_secrets_are_not_shown(core: Any) -> None:
    """What is printed by accident holds no key and no address with a password in it."""
    shown = repr(core(PLAYHALL_SECRET_KEYS=SECRET, DATABASE_URL="postgresql://u:hunter2@localhost/x"))
    assert SECRET not in shown
    assert "hunter2" not in shown


def test_rotated_keys(core: Any) -> None:
    """Several keys, the first of which signs."""
    assert core(PLAYHALL_SECRET_KEYS=f"{SECRET},{'t' * 40}").secret_keys == (SECRET, "t" * 40)


def test_sound_production_starts(core: Any) -> None:
    """With keys, hosts and servers of its own it starts."""
    assert core(PRODUCTION).production


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"PLAYHALL_SECRET_KEYS": DEVELOPMENT_SECRET}, "the development key is public"),
        ({"PLAYHALL_SECRET_KEYS": "short"}, "a key is shorter than 32 characters"),  # pragma: allowlist secret
        ({"PLAYHALL_SECRET_KEYS": f"{SECRET},short"}, "a key is shorter than 32 characters"),
        ({"PLAYHALL_SECRET_KEYS": ","}, "give at least one key"),
        ({"PLAYHALL_SECRET_KEYS": "a" * 40}, "a key is easy to guess"),
        ({"DATABASE_URL": "postgresql://127.0.0.1/playhall"}, "set the address of production's PostgreSQL"),
        ({"REDIS_URL": "redis://127.0.0.1:6379/0"}, "set the address of production's Redis"),
        ({"PLAYHALL_DEBUG": "true"}, "debug shows internals"),
        ({"PLAYHALL_EMBEDDED": "true"}, "embedded servers are for development"),
        ({"PLAYHALL_CORS_ORIGINS": "*"}, "lets every site call as the player"),
        ({"PLAYHALL_HOSTS": ""}, "list the host names"),
        ({"PLAYHALL_HOSTS": "*"}, "list the host names"),
    ],
)
def test_unsafe_production_is_refused(core: Any, change: dict[str, str], message: str) -> None:
    """Each unsafe value alone stops the start."""
    with pytest.raises(SettingsError, match=message):
        core(PRODUCTION, **change)


def test_production_lists_all_that_is_unsafe(core: Any) -> None:
    """An environment with nothing set has several lines to mend, not one at a time."""
    with pytest.raises(SettingsError) as caught:
        core(PLAYHALL_ENVIRONMENT="production", PLAYHALL_DEBUG="true")
    assert len(str(caught.value).splitlines()) == 5


def test_unknown_environment(core: Any) -> None:
    """A typing error does not make production development."""
    with pytest.raises(SettingsError, match="'prod' is none of development, test, production"):
        core(PLAYHALL_ENVIRONMENT="prod")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/playhall_test",
        "postgresql://127.0.0.1:5433/a_test",
        "postgresql:///playhall_test?host=/run/postgresql",
        "postgresql:///a_test?host=localhost:5433",
        "postgresql://[::1]:5433/a_test",
        "postgresql+psycopg://localhost/prod?dbname=a_test",
    ],
)
def test_tests_run_on_a_local_test_database(core: Any, url: str) -> None:
    """A database of this machine whose name ends in _test."""
    assert core(PLAYHALL_ENVIRONMENT="test", DATABASE_URL=url).environment == "test"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://localhost/playhall", "name ends in _test"),
        ("postgresql://db.internal/playhall_test", "db.internal is not this machine; list it in PLAYHALL_TEST_DB_HOSTS"),
        ("postgresql:///playhall_test?host=db.internal", "db.internal is not this machine"),
        ("postgresql://localhost/a_test?host=/run,db.internal", "db.internal is not this machine"),
        ("postgresql://localhost/a_test?hostaddr=10.0.0.5", "10.0.0.5 is not this machine"),
        ("postgresql://localhost/a_test?dbname=prod", "name ends in _test"),
        ("postgresql:///a_test?service=prod", "do not use a connection service"),
        ("postgresql+psycopg://localhost/prod", "name ends in _test"),
        ("postgresql://localhost/a_test?nonsense=1", "DATABASE_URL: "),
        ("postgresql://localhost/playhall_test?host=db.internal", "db.internal is not this machine"),
        ("postgresql:///a_test?host=db.internal&host=localhost", "db.internal is not this machine"),
        ("postgresql://db.internal/a_test?host=", "db.internal is not this machine"),
        ("postgresql://x@localhost@db.internal/a_test", "db.internal is not this machine"),
        ("postgresql:///a_test?hostaddr=10.0.0.5&hostaddr=127.0.0.1", "write hostaddr once"),
        ("postgresql:///prod?dbname=prod&dbname=a_test", "write dbname once"),
        ("postgresql:///a_test?service=prod&service=", "do not use a connection service"),
        ("postgresql://localhost/a_test?conninfo=service%3Dprod", "do not use a connection service"),
        ("postgresql:///a_test?host=localhost:5433,/run:x", "DATABASE_URL: "),
    ],
)
def test_tests_keep_off_other_databases(core: Any, url: str, message: str) -> None:
    """A test run against a production address is refused."""
    with pytest.raises(SettingsError, match=message):
        core(PLAYHALL_ENVIRONMENT="test", DATABASE_URL=url)


def test_listed_host_may_be_tested_on(core: Any) -> None:
    """A build server's database can be allowed by name."""
    settings = core(PLAYHALL_ENVIRONMENT="test", DATABASE_URL="postgresql://postgres/ci_test", PLAYHALL_TEST_DB_HOSTS="postgres")
    assert settings.test_db_hosts == ("postgres",)


def test_every_setting_says_what_it_does() -> None:
    """No setting without a sentence, and none whose name another shares."""
    found = declared(CoreSettings, "PLAYHALL_")
    assert all(one.doc.endswith(".") for one in found)
    assert len({one.env for one in found}) == len(found)


def test_tests_keep_off_what_the_environment_adds(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address without a host goes where PGHOST says."""
    monkeypatch.setenv("PGHOST", "db.internal")
    with pytest.raises(SettingsError, match=r"db\.internal is not this machine"):
        core(PLAYHALL_ENVIRONMENT="test", DATABASE_URL="postgresql:///a_test")


def test_tests_keep_off_the_environments_address_and_service(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGHOSTADDR counts beside a host that is named, and so does PGSERVICE."""
    monkeypatch.setenv("PGHOSTADDR", "10.0.0.5")
    monkeypatch.setenv("PGSERVICE", "prod")
    with pytest.raises(SettingsError) as caught:
        core(PLAYHALL_ENVIRONMENT="test", DATABASE_URL="postgresql://localhost/a_test")
    assert "10.0.0.5 is not this machine" in str(caught.value)
    assert "do not use a connection service" in str(caught.value)


def test_address_that_cannot_be_read_is_not_shown(core: Any) -> None:
    """It may hold a password."""
    with pytest.raises(SettingsError) as caught:
        core(
            DATABASE_URL="postgresql://u:hunter2@localhost:port/x",  # pragma: allowlist secret
            REDIS_URL="redis://:hunter2@localhost:port/0",
        )
    assert len(str(caught.value).splitlines()) == 2
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PLAYHALL_LOG_LEVEL", "loud", "'loud' is none of debug, info, warning, error"),
        ("DATABASE_URL", "sqlite:///x", "must begin with postgresql://"),
        ("DATABASE_URL", "nonsense", "must begin with postgresql://"),
        ("DATABASE_URL", "POSTGRESQL://localhost/x", "must begin with postgresql://"),
        ("DATABASE_URL", "postgresql://[::1/x", "DATABASE_URL: cannot be read"),
        ("DATABASE_URL", "postgresql://localhost:port/x", "DATABASE_URL: cannot be read"),
        ("REDIS_URL", "http://x", "must begin with redis://"),
        ("REDIS_URL", "redis://[::1/0", "REDIS_URL: cannot be read"),
        ("REDIS_URL", "redis://localhost:port/0", "REDIS_URL: cannot be read"),
        ("PLAYHALL_DATABASE_POOL_SIZE", "0", "0 is too small; the least is 1"),
        ("PLAYHALL_STATEMENT_TIMEOUT_MS", "-5", "-5 is too small"),
        ("WEB_CONCURRENCY", "0", "WEB_CONCURRENCY: 0 is too small"),
        ("PLAYHALL_LIMITS", "often", "write name=value pairs, separated by commas"),
        ("PLAYHALL_TRUSTED_PROXIES", "everyone", "is no address and no network"),
    ],
)
def test_value_that_cannot_be(core: Any, name: str, value: str, message: str) -> None:
    """It is a sentence in the report, not a traceback later."""
    with pytest.raises(SettingsError, match=message):
        core(**{name: value})


def test_variable_that_two_settings_read() -> None:
    """A plugin cannot read the core's keys by naming their variable."""

    @dataclass(frozen=True, kw_only=True)
    class Loot:
        stolen: str = setting("", doc="Not its own.", env="PLAYHALL_SECRET_KEYS")

    with pytest.raises(SettingsError, match="PLAYHALL_SECRET_KEYS: two settings read this variable"):
        read({"PLAYHALL_": CoreSettings, prefix("loot"): Loot})
