"""`flask doctor` finds what is wrong, says what to do, and shows no secret."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from booting import boot, install, manifest
from click.testing import CliRunner, Result
from flask import Flask
from redis import Redis
from sqlalchemy import text

import app as package
from app.core.db import db, session, transaction
from app.core.migrations import upgrade
from app.core.models import JobRow, OutboxEvent
from app.core.operating import doctor
from app.core.queue.figures import Figures
from app.embedded.redis import EmbeddedRedis
from playhall.testing.services import Services
from tests.core.migrating import scratch

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the connections of the applications that the doctor boots."""
    booted: list[Flask] = []
    create = package.create_app

    def make() -> Flask:
        booted.append(create())
        return booted[-1]

    monkeypatch.setattr(package, "create_app", make)
    yield
    for one in booted:
        with one.app_context():
            db.engine.dispose()


def examine() -> Result:
    return CliRunner().invoke(doctor.doctor)


def migrate(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the settings at a database and bring it up to date."""
    monkeypatch.setenv("DATABASE_URL", url)
    upgrade(package.create_app())


def found(result: Result, level: str) -> list[str]:
    return [line for line in result.output.splitlines() if line.startswith(level)]


def test_a_sound_installation_has_no_failures(app: Flask) -> None:
    result = examine()
    assert found(result, "fail") == []
    assert result.exit_code == 0
    assert "PostgreSQL 1" in result.output
    assert "every branch is at its newest revision" in result.output
    assert "shop 0.1.0, requires economy" in result.output


def test_each_setting_says_where_it_comes_from(app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And secrets are hidden, also the password in an address."""
    secret, path = "s" * 40, tmp_path / "keys"
    path.write_text(secret)
    monkeypatch.setenv("PLAYHALL_SECRET_KEYS_FILE", str(path))
    monkeypatch.setenv("PLAYHALL_SLOW_REQUEST_MS", "150")
    monkeypatch.setenv("PLAYHALL_CORS_ORIGINS", "https://a.example,https://b.example")
    output = examine().output
    assert f"PLAYHALL_SECRET_KEYS = *** (file {path})" in output
    assert "PLAYHALL_SLOW_REQUEST_MS = 150 (environment)" in output
    assert "PLAYHALL_CORS_ORIGINS = https://a.example,https://b.example (environment)" in output
    assert "PLAYHALL_LOG_LEVEL = info (default)" in output
    assert secret not in output


def test_a_value_from_the_file_of_the_checkout_is_told_apart(app: Flask, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PLAYHALL_SLOW_REQUEST_MS=77\n")
    done = subprocess.run(
        [sys.executable, "-m", "flask", "doctor"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "PLAYHALL_SLOW_REQUEST_MS = 77 (.env)" in done.stdout
    assert done.returncode == 0


def test_settings_that_stop_the_boot_are_findings(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    monkeypatch.setenv("PLAYHALL_BIND", "")
    result = examine()
    assert result.exit_code == 1
    assert any("WEB_CONCURRENCY" in line for line in found(result, "fail"))


def test_absent_servers_are_named_with_what_to_do(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hidden-password@127.0.0.1:1/playhall_test")  # pragma: allowlist secret
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    result = examine()
    assert result.exit_code == 1
    assert ["DATABASE_URL" in line or "REDIS_URL" in line for line in found(result, "fail")] == [True, True]
    assert "hidden-password" not in result.output
    unknown = [line.split()[1] for line in found(result, "warn") if line.endswith("unknown: the database is away")]
    assert unknown == ["migrations", "jobs", "events"]
    assert any(line.split()[1:] == ["kafka", "disabled"] for line in found(result, "ok"))


def test_what_cannot_be_known_without_the_database_is_said_of_each(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of Kafka, and of plugins, which are not asked."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/playhall_test")
    monkeypatch.setenv("PLAYHALL_KAFKA_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(doctor, "parts", lambda _playhall, _name: iter([("shop", pytest.fail)]))
    lines = [line.split(maxsplit=2)[1:] for line in found(examine(), "warn")]
    assert [[area, "unknown: the database is away"] in lines for area in ("migrations", "jobs", "events", "kafka", "shop")] == [True] * 5


def test_an_old_database_is_not_taken_for_an_absent_one(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "OLDEST_POSTGRES", 99)
    result = examine()
    assert any("99 or newer is needed" in line for line in found(result, "fail"))
    assert "every branch is at its newest revision" in result.output


def test_a_name_that_is_no_setting_is_a_warning(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYHALL_SECRET_KEY", "planted-secret")
    result = examine()
    assert any("did you mean PLAYHALL_SECRET_KEYS?" in line for line in found(result, "warn"))
    assert "planted" not in result.output


VAULT = {
    "__init__.py": manifest(
        "vault", settings="vault_plugin.parts:Settings", health="vault_plugin.parts:health", setup="vault_plugin.parts:setup"
    ),
    "parts.py": """
        import logging
        from dataclasses import astuple, dataclass
        from playhall import setting, settings

        @dataclass(frozen=True, kw_only=True)
        class Settings:
            webhook: str = setting(doc="An address that is itself the secret.", secret=True)
            partners: tuple[str, ...] = setting(doc="Keys.", secret=True)
            pin: int = setting(doc="A number.", secret=True)
            password: str = setting(doc="Not declared secret.")
            mirror: str = setting(doc="Not declared secret, with a password in it.")
            token_minutes: int = setting(doc="No secret, for all its name.")
            fails: bool = setting(False, doc="Refuse to start.")

        def health():
            raise RuntimeError(f"vault cannot use {settings(Settings).webhook}, {settings(Settings).pin}, {settings(Settings).partners}")

        def setup(app, settings):
            logging.getLogger("vault").warning("vault has %s, %s, %s", settings.webhook, settings.pin, settings.partners)
            if settings.fails:
                raise RuntimeError(f"vault cannot use {settings.webhook}, {settings.pin}, {settings.partners}")
    """,
}
PLANTED = {
    "PLAYHALL_SECRET_KEYS": "planted-key-one-planted-key-one-1234,planted-key-two-planted-key-two-1234",  # pragma: allowlist secret
    "PLAYHALL_KAFKA_OPTIONS": "sasl.username=planted-user,sasl.password=planted-kafka",
    "PLAYHALL_VAULT_WEBHOOK": "https://hooks.example/planted-path",
    "PLAYHALL_VAULT_PARTNERS": "planted-partner,planted-other",
    "PLAYHALL_VAULT_PIN": "987654321",
    "PLAYHALL_VAULT_PASSWORD": "planted-plain",  # pragma: allowlist secret
    "PLAYHALL_VAULT_MIRROR": "https://u:planted-mirror@example.com",  # pragma: allowlist secret
    "PLAYHALL_VAULT_TOKEN_MINUTES": "15",
}
AWAY = {
    "DATABASE_URL": "postgresql://u:planted%40pass/word@127.0.0.1:1/playhall?sslpassword=planted-query",
    "REDIS_URL": "redis://:planted-redis@127.0.0.1:1/0",
}


@pytest.mark.parametrize(
    ("command", "env", "expected"),
    [
        (
            "doctor",
            AWAY,
            [
                "DATABASE_URL = postgresql://u:***@127.0.0.1:1/playhall?sslpassword=***",
                "REDIS_URL = redis://:***@127.0.0.1:1/0",
                "PLAYHALL_VAULT_TOKEN_MINUTES = 15",
            ],
        ),
        ("doctor", {}, ["vault cannot use ***, ***, "]),
        ("plugin info vault", {}, ["vault"]),
        ("plugin check", {}, ["vault has ***, ***, ", "All is well"]),
        ("plugin check", {"PLAYHALL_VAULT_FAILS": "1"}, ["vault: setup: RuntimeError: vault cannot use ***, ***, "]),
    ],
)
def test_no_secret_is_shown_or_logged(app: Flask, tmp_path: Path, command: str, env: Mapping[str, str], expected: list[str]) -> None:
    """The canary: secrets in every place where a setting can hold one, logged and quoted in errors."""
    install(tmp_path, "vault", VAULT)
    servers = {name: os.environ[name] for name in AWAY}
    code = f"import sys; sys.argv = ['flask', *{command.split()}]; from flask.cli import main; main()"
    done = boot(tmp_path, "vault", code, **{**PLANTED, **servers, **env}, FLASK_APP="wsgi")
    said = done.stdout + done.stderr
    assert [text for text in expected if text not in said] == [], said
    assert re.findall(r"planted\S*|987654321|pass/word", said) == []


def test_a_database_without_tables_asks_for_migrations(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch(services.database_url) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        result = examine()
    assert result.exit_code == 1
    assert any("core is at nothing" in line and "flask db upgrade" in line for line in found(result, "fail"))


def test_revisions_and_tables_that_nobody_knows_are_named(app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch(services.database_url) as url:
        migrate(url, monkeypatch)
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE alembic_version_shop SET version_num = 'shop_future'")
            connection.execute("CREATE TABLE loot_box (id int)")
        warned = found(examine(), "warn")
    assert any("shop is at shop_future" in line for line in warned)
    assert any("loot_box" in line and "flask plugin purge loot" in line for line in warned)


def test_work_that_nobody_does_fails(app: Flask) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=5)

    def add() -> None:
        session().add(JobRow(name="gone.job", payload={}, run_at=long_ago))
        session().add(JobRow(name="gone.job", payload={}, state="dead", run_at=long_ago))
        session().add(OutboxEvent(name="shop.nothing.v1", payload={}, created_at=long_ago))

    with app.app_context():
        transaction(add)
    result = examine()
    assert ["flask worker" in line or "flask relay" in line for line in found(result, "fail")] == [True, True]
    assert any("1 failed for good" in line for line in found(result, "warn"))
    assert any("plugin that is not enabled" in line for line in found(result, "warn"))


def test_kafka_that_falls_behind_is_a_warning(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYHALL_KAFKA_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(doctor, "figures", lambda: Figures(0, 0, 0, 0, 0.0, 0, 0.0, 9, 300.0, 5))
    warned = found(examine(), "warn")
    assert any("9 wait" in line and "PLAYHALL_KAFKA_SERVERS" in line for line in warned)
    assert any("5 were refused" in line and "flask events list" in line for line in warned)


def test_too_few_connections_are_counted_beforehand(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYHALL_DATABASE_POOL_SIZE", "500")
    assert any("max_connections" in line for line in found(examine(), "warn"))


@pytest.fixture
def own_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """A Redis that may be spoiled."""
    with EmbeddedRedis(tmp_path, durable=False) as running, Redis.from_url(running.url) as client:
        monkeypatch.setenv("REDIS_URL", running.url)
        yield client


def test_a_redis_that_throws_away_is_a_warning(app: Flask, own_redis: Redis) -> None:
    own_redis.config_set("maxmemory-policy", "allkeys-lru")
    warned = found(examine(), "warn")
    assert any("noeviction" in line for line in warned)


def test_a_redis_whose_settings_are_closed_is_a_warning(app: Flask, own_redis: Redis) -> None:
    """As with many a hosted one."""
    own_redis.execute_command("ACL", "SETUSER", "default", "-config")
    warned = found(examine(), "warn")
    assert any("cannot be read" in line for line in warned)


def test_a_plugin_that_cannot_work_fails(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the gateway refuses our key")

    monkeypatch.setattr(doctor, "parts", lambda _playhall, _name: iter([("shop", fail), ("gacha", lambda: None)]))
    result = examine()
    assert any("shop" in line and "refuses our key" in line for line in found(result, "fail"))
    assert any("gacha" in line and "works" in line for line in found(result, "ok"))


def test_tables_that_cannot_be_read_are_a_finding(app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch(services.database_url) as url:
        migrate(url, monkeypatch)
        with psycopg.connect(url) as connection:
            connection.execute("DROP TABLE core_outbox CASCADE")
        result = examine()
    assert any(line.split()[1] == "jobs" for line in found(result, "fail"))
    with app.app_context():
        assert session().execute(text("SELECT 1")).scalar_one() == 1
        db.session.remove()
