"""A database of its own for each process, copied from one that was migrated once."""

from __future__ import annotations

import psycopg
import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import make_url

from playhall.testing import databases
from playhall.testing.schema import schema
from playhall.testing.services import Services, given


@pytest.fixture
def servers(services: Services) -> Services:
    """The servers themselves."""
    found = given()
    assert found is not None
    return found


def name(url: str) -> str | None:
    """The database in an address."""
    return make_url(url).database


def test_two_at_once_have_nothing_in_common(services: Services, servers: Services) -> None:
    """Neither in PostgreSQL nor in Redis; and what is free again is taken again."""
    with databases.own(servers) as one, databases.own(servers) as other:
        assert len({name(url.database_url) for url in (services, one, other)}) == 3
        assert len({url.redis_url for url in (services, one, other)}) == 3
        with Redis.from_url(one.redis_url) as redis, Redis.from_url(other.redis_url) as another:
            redis.set("mine", 1)
            another.flushdb()
            assert redis.delete("mine") == 1
    with databases.own(servers) as again:
        assert name(again.database_url) in {name(one.database_url), name(other.database_url)}


def test_leftovers_of_a_killed_process_are_not_found(servers: Services) -> None:
    """Whoever takes its place begins with an empty database."""
    with databases.own(servers) as killed:
        pass
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        databases._create(connection, str(name(killed.database_url)))
    with psycopg.connect(killed.database_url) as left:
        left.execute("CREATE TABLE left_over ()")
    with databases.own(servers) as mine, psycopg.connect(mine.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'left_over'").fetchone() == (0,)


def test_nobody_shares_when_all_are_taken(servers: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how many there are."""
    monkeypatch.setattr(databases, "_SLOTS", 0)
    with pytest.raises(databases.NoSlot, match="use fewer workers"), databases.own(servers):
        pass


def test_copy_is_what_migrating_makes(app: Flask, servers: Services) -> None:
    """And nobody migrates a second time."""
    with databases.own(servers) as mine:
        copy = Flask("copy")
        copy.config["SQLALCHEMY_DATABASE_URI"] = mine.database_url
        copy.extensions["playhall"] = app.extensions["playhall"]
        assert databases.migrate(copy, servers, lambda _: pytest.fail("it was migrated again")) == app.extensions["playhall.template"]
        assert schema(make_url(mine.database_url)) == schema(make_url(app.config["SQLALCHEMY_DATABASE_URI"]))


def test_other_revisions_are_another_template(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed file, or another set of plugins."""
    before = databases._fingerprint(app)
    assert databases._fingerprint(app) == before
    monkeypatch.setattr(databases, "branches", lambda _app: [])
    assert databases._fingerprint(app) != before


def test_tables_and_redis_are_empty_for_each_test(app: Flask, services: Services, make_account: object) -> None:
    """Whatever the one before has left."""
    make_account()  # type: ignore[operator]
    with Redis.from_url(services.redis_url) as redis, psycopg.connect(services.database_url) as connection:
        redis.set("left", 1)
        databases.empty(app, services)
        assert redis.dbsize() == 0
        assert connection.execute("SELECT count(*) FROM core_account").fetchone() == (0,)
