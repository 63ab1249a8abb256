"""What the health routes say about each service, in a process that does not watch and in one that does."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app import create_app
from app.core.db import db, session, transaction
from app.core.health import Health, health
from app.core.models import JobRow, OutboxEvent
from app.core.operating import checks, health_routes
from app.core.operating.checks import Check
from app.core.operating.report import report
from app.core.queue.figures import Figures

QUIET = Figures(0, 0, 0, 0, 0.0, 0, 0.0, None, None, None)


def database(problem: str | None = None, behind: Any = ()) -> Any:
    return SimpleNamespace(problem=problem, known={"behind": behind})


def check(name: str, problem: str | None = None) -> Check:
    return Check(name, lambda: None, answer=problem)


@pytest.fixture
def boot(app: Flask) -> Iterator[Callable[[], Flask]]:
    """Boot an application of the test's own over empty tables; its connections are closed afterwards."""
    booted: list[Flask] = []

    def make() -> Flask:
        booted.append(create_app())
        return booted[-1]

    yield make
    for one in booted:
        with one.app_context():
            db.engine.dispose()


def test_people_are_told_what_works(client: FlaskClient) -> None:
    answer = client.get("/api/v1/health")
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["status"], answer.json["services"]["database"], answer.json["services"]["kafka"]) == ("ok", "ok", "disabled")
    assert answer.json["version"]
    assert answer.json["time"].endswith("Z")


def test_a_source_tree_that_nobody_installed_has_a_version_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(health_routes, "version", missing)
    assert health_routes.release.__wrapped__() == "0"


def test_probes_pass_whatever_host_they_name(client: FlaskClient) -> None:
    """A load balancer asks by address."""
    assert client.get("/livez", headers={"Host": "10.0.0.1"}).status_code == 200
    answer = client.get("/readyz", headers={"Host": "10.0.0.1"})
    assert answer.json == {"status": "ready", "broken": [], "degraded": [], "behind": []}


def test_a_database_that_is_not_there_is_named_but_not_where_it_is(boot: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """On the main port anybody may ask; hosts and reasons are for the management port."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/playhall_test")
    app = boot()
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "not ready", "broken": ["database"], "degraded": [], "behind": []}
    assert b"127.0.0.1" in health(app).answer("/readyz").body


def test_redis_is_missed_but_not_needed(boot: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    answer = boot().test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["degraded"] == ["redis"]


def test_a_branch_behind_its_head_is_not_ready(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        revision = db.session.execute(text("DELETE FROM alembic_version_gacha RETURNING version_num")).scalar_one()
        db.session.commit()
        try:
            answer = client.get("/readyz")
        finally:
            db.session.execute(text("INSERT INTO alembic_version_gacha VALUES (:revision)"), {"revision": revision})
            db.session.commit()
            db.session.remove()
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["behind"], answer.json["broken"]) == (["gacha"], ["migrations"])


def test_a_plugin_that_cannot_work_is_named(boot: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the gateway refuses our key")

    monkeypatch.setattr("app.core.health.parts", lambda _playhall, _name: iter([("shop", fail)]))
    app = boot()
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["broken"] == ["shop"]
    assert b"refuses our key" in health(app).answer("/readyz").body


def test_work_that_nobody_does_is_told(app: Flask, client: FlaskClient) -> None:
    """A job and an event that have waited for two minutes: is there a worker, is there a relay?"""
    long_ago = datetime.now(UTC) - timedelta(minutes=2)

    def add() -> None:
        session().add(JobRow(name="shop.nothing", payload={}, run_at=long_ago))
        session().add(OutboxEvent(name="shop.nothing.v1", payload={}, created_at=long_ago))

    with app.app_context():
        transaction(add)
    answer = client.get("/api/v1/health")
    assert answer.json is not None
    services = answer.json["services"]
    assert (answer.json["status"], services["jobs"], services["events"]) == ("degraded", "degraded", "degraded")
    assert client.get("/readyz").status_code == 200


def test_what_the_database_knows_is_unknown_without_it() -> None:
    found = report(database("gone"), check("redis"), [], None, kafka=True)
    assert {found.services[name] for name in ("migrations", "jobs", "events", "kafka")} == {"unknown"}
    assert found.broken == ["database"]


def test_revisions_that_cannot_be_compared_are_broken() -> None:
    found = report(database(behind=PermissionError("alembic_version")), check("redis"), [], QUIET, kafka=False)
    assert (found.broken, found.why) == (["migrations"], {"migrations": "alembic_version"})


def test_kafka_that_falls_behind_is_degraded() -> None:
    late = Figures(0, 0, 0, 0, 0.0, 0, 0.0, 3, 61.0, 0)
    found = report(database(), check("redis"), [], late, kafka=True)
    assert (found.ready, found.degraded) == (True, ["kafka"])


def test_events_that_kafka_refused_are_degraded() -> None:
    refused = Figures(0, 0, 0, 0, 0.0, 0, 0.0, 0, 0.0, 2)
    found = report(database(), check("redis"), [], refused, kafka=True)
    assert (found.ready, found.degraded) == (True, ["kafka"])
    assert "flask events list" in found.why["kafka"]


def test_a_check_that_does_not_answer_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """It hangs in its own thread; whoever reads it does not."""
    monkeypatch.setattr(checks, "PATIENCE", 0.05)
    release = threading.Event()
    hanging = Check("slow", lambda: release.wait(10))
    hanging.start()
    _until(lambda: "no answer" in (hanging.problem or ""))
    release.set()
    _until(lambda: hanging.problem is None)


def test_a_failure_without_words_is_named_by_its_type() -> None:
    def fail() -> None:
        raise KeyError

    failing = Check("mute", fail)
    failing.look()
    assert failing.problem == "KeyError"


def test_a_watching_process_answers_without_asking(app: Flask) -> None:
    """And asks in threads, which are started once however often it is told to."""
    watching = Health(app)
    watching.start()
    before = threading.active_count()
    watching.start()
    assert threading.active_count() == before
    _until(lambda: watching.report().ready)
    _until(lambda: b"playhall_jobs_due 0.0" in watching.answer("/metrics").body)
    started = time.monotonic()
    for _ in range(100):
        assert watching.answer("/readyz").status == 200
    assert time.monotonic() - started < 1
    watching.stop()


def test_the_management_port_has_three_addresses(app: Flask) -> None:
    found = health(app)
    assert found.answer("/livez").status == 200
    assert found.answer("/metrics").status == 200
    assert found.answer("/").status == 404


def test_livez_asks_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A liveness check that touches the database takes the whole service down with it."""

    def fail(*_: object) -> None:
        raise AssertionError("it asked")

    monkeypatch.setattr(Health, "report", fail)
    monkeypatch.setattr("app.core.operating.probe.Probe.look", fail)
    assert health(app).answer("/livez").status == 200
    assert app.test_client().get("/livez").status_code == 200


def test_a_forked_process_watches_for_itself(app: Flask) -> None:
    """Threads do not survive a fork, so neither does the belief that they watch."""
    watching = Health(app)
    watching.start()
    _until(lambda: watching.report().ready)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, b"yes" if watching._watched else b"no")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"no"
    watching.stop()


def _until(holds: Any, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
