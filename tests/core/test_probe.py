"""A database that is gone or frozen is noticed in time, lets go of those who wait, and is taken back when it answers."""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.db import db, session, transaction
from app.core.errors import DatabaseUnavailable
from app.core.models import Account
from app.core.operating.outage import Guard, as_domain_error
from app.core.operating.probe import Fetch, Probe, Refused, conninfo
from app.embedded.postgres import EmbeddedPostgres
from tests.core.frozen import frozen, server

pytestmark = pytest.mark.xdist_group("frozen")


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    with server() as running:
        yield running


@pytest.fixture
def engine(postgres: EmbeddedPostgres) -> Iterator[Engine]:
    made = create_engine(postgres.url, pool_timeout=0.9, connect_args={"connect_timeout": 2})
    yield made
    made.dispose()


@pytest.fixture
def guard(engine: Engine) -> Guard:
    return Guard(engine)


@pytest.fixture
def probe(engine: Engine, guard: Guard) -> Iterator[Probe]:
    """A probe that asks in its own thread, and has had an answer."""
    made = Probe(
        conninfo(engine),
        guard.freeze,
        guard.thaw,
        {"one": lambda fetch: fetch("SELECT 1"), "none": lambda fetch: fetch("SELECT * FROM gone")},
    )
    threading.Thread(target=made.run, daemon=True).start()
    until(lambda: made.problem is None, 5)
    yield made
    made.stop()


def until(holds: Callable[[], object], seconds: float) -> None:
    """Wait for it, or fail after that long."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


def ask(engine: Engine, sql: str = "SELECT 1") -> str:
    """How a request with this statement ends: "ok", or the code of its problem document."""
    try:
        with engine.connect() as connection:
            connection.execute(text(sql))
    except Exception as error:
        problem = as_domain_error(error)
        return problem.code if problem else repr(error)
    return "ok"


def test_a_server_that_answers_is_no_problem(probe: Probe) -> None:
    assert (probe.problem, probe.frozen) == (None, False)


def test_facts_are_asked_on_the_probes_connection(probe: Probe) -> None:
    """One that cannot be had neither hides the others nor makes the database look broken."""
    until(lambda: len(probe.known) == 2, 5)
    assert probe.known["one"] == [("1",)]
    assert isinstance(probe.known["none"], Refused)
    assert probe.problem is None


def test_a_request_inside_a_statement_is_let_go_when_the_server_freezes(postgres: EmbeddedPostgres, engine: Engine, probe: Probe) -> None:
    """Within three seconds, though statement_timeout cannot help: the server that should cancel is frozen."""
    answers: list[str] = []
    stuck = threading.Thread(target=lambda: answers.append(ask(engine, "SELECT pg_sleep(60)")))
    stuck.start()
    until(lambda: engine.pool.checkedout() == 1, 5)
    with frozen(postgres):
        stuck.join(3)
        assert answers == ["core.database_unavailable"]
        assert probe.frozen
        assert "frozen" in str(probe.problem)


def test_while_frozen_requests_are_answered_at_once(postgres: EmbeddedPostgres, engine: Engine, probe: Probe) -> None:
    """With a connection in the pool and without one: nobody waits for a server that does not answer."""
    assert ask(engine) == "ok"
    with frozen(postgres):
        until(lambda: probe.frozen, 3)
        started = time.monotonic()
        assert {ask(engine), ask(engine)} == {"core.database_unavailable"}
        assert time.monotonic() - started < 1


def test_a_thawed_server_is_used_again_within_two_seconds(postgres: EmbeddedPostgres, engine: Engine, probe: Probe) -> None:
    assert ask(engine) == "ok"
    with frozen(postgres):
        until(lambda: probe.frozen, 3)
    until(lambda: probe.problem is None, 2)
    assert ask(engine) == "ok"


def test_a_long_freeze_ends_too(postgres: EmbeddedPostgres, engine: Engine, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that nobody answered is given up, and asked again on a new connection."""
    monkeypatch.setattr(probe, "give_up", 2.0)
    with frozen(postgres):
        until(lambda: probe.frozen, 3)
        time.sleep(2.5)
        assert probe.frozen
    until(lambda: probe.problem is None, 2)
    assert ask(engine) == "ok"


def test_a_server_that_is_gone_is_noticed_within_a_second(postgres: EmbeddedPostgres, engine: Engine, probe: Probe) -> None:
    """And is no reason to refuse anybody: a connection to it fails by itself, at once."""
    assert ask(engine) == "ok"
    postgres.stop()
    try:
        until(lambda: probe.problem is not None, 1)
        assert not probe.frozen
        started = time.monotonic()
        assert ask(engine) == "core.database_unavailable"
        assert time.monotonic() - started < 1
    finally:
        postgres.start()
    until(lambda: probe.problem is None, 2)
    assert ask(engine) == "ok"


def test_connections_that_the_server_ended_cost_nobody_an_error(engine: Engine, guard: Guard, postgres: EmbeddedPostgres) -> None:
    """After a restart every connection in the pool is stale; each is noticed before it is used."""
    held = [engine.connect() for _ in range(3)]
    for connection in held:
        connection.close()
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
        )
    assert [ask(engine) for _ in range(4)] == ["ok"] * 4
    assert not guard.frozen


def test_a_transaction_whose_connection_is_lost_is_done_again(app: Flask) -> None:
    """Before the commit nothing was done, so nobody has to hear of it; and it is done once."""
    attempts: list[int] = []

    def work() -> None:
        session().add(account := Account())
        session().flush()
        attempts.append(len(attempts))
        if len(attempts) == 1:
            session().execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        assert account.id

    with app.app_context():
        transaction(work)
        assert len(attempts) == 2
        assert session().execute(text("SELECT count(*) FROM core_account")).scalar_one() == 1
        db.session.remove()


def test_a_commit_whose_answer_is_lost_is_not_done_again(app: Flask) -> None:
    """It may have been done: only the caller, with the same key, can ask."""
    attempts: list[int] = []

    def work() -> None:
        attempts.append(1)
        # Checked at the commit, and ends the connection there.
        session().execute(text("CREATE TEMPORARY TABLE last (id int)"))
        session().execute(
            text(
                "CREATE FUNCTION pg_temp.die() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
            )
        )
        deferred = "AFTER INSERT ON last DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        session().execute(text(f"CREATE CONSTRAINT TRIGGER die {deferred} EXECUTE FUNCTION pg_temp.die()"))
        session().execute(text("INSERT INTO last VALUES (1)"))

    with app.app_context():
        with pytest.raises(DBAPIError) as lost:
            transaction(work)
        db.session.remove()
    assert as_domain_error(lost.value) is not None
    assert len(attempts) == 1


def test_a_probe_whose_own_connection_was_ended_asks_on_another(probe: Probe, postgres: EmbeddedPostgres) -> None:
    """An administrator who ends connections is no outage."""
    seen = []
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = 'playhall-probe'")
    for _ in range(100):
        seen.append(probe.problem)
        time.sleep(0.01)
    assert set(seen) == {None}


def test_a_forked_process_does_not_cut_its_parents_connections(engine: Engine, guard: Guard) -> None:
    with engine.connect() as connection:
        child = os.fork()
        if not child:
            guard.freeze()
            os._exit(0)
        os.waitpid(child, 0)
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_closed_connection_leaves_no_descriptor_behind(engine: Engine, guard: Guard) -> None:
    assert ask(engine) == "ok"
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        engine.dispose()
        assert ask(engine) == "ok"
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_connection_lost_before_its_first_use_leaves_no_descriptor_behind(engine: Engine, guard: Guard) -> None:
    """SQLAlchemy asks a new connection who is there, and drops it without a word when no answer comes."""

    def lose(*_: object) -> None:
        raise psycopg.OperationalError("lost")

    event.listen(engine, "connect", lose)
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert [ask(engine) for _ in range(5)] == ["core.database_unavailable"] * 5
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before  # fewer when an earlier test's are let go meanwhile


def test_a_machine_that_swallows_everything_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that accepts a connection and never says a word."""
    monkeypatch.setattr("app.core.operating.probe.PATIENCE", 0.1)
    cut: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = create_engine(f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/playhall")
        probe = Probe(conninfo(engine), lambda: cut.append(True), lambda: cut.append(False), give_up=0.3)
        probe.look()
        assert probe.frozen
    assert cut == [True]


def test_the_probe_survives_what_it_did_not_expect() -> None:
    probe = Probe(b"this is no = connection = string", lambda: None, lambda: None)
    probe.look()
    assert probe.problem
    assert not probe.frozen


def test_a_fact_that_ends_the_connection_is_not_kept(engine: Engine) -> None:
    """It is the connection that failed, not the question."""

    def fatal(fetch: Fetch) -> object:
        return fetch("SELECT pg_terminate_backend(pg_backend_pid())")

    probe = Probe(conninfo(engine), lambda: None, lambda: None, {"fatal": fatal})
    probe.look()
    assert "fatal" not in probe.known


def test_too_few_connections_is_a_failure_of_the_database(postgres: EmbeddedPostgres) -> None:
    engine = create_engine(postgres.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    with engine.connect():
        assert ask(engine) == "core.database_unavailable"
    engine.dispose()


def test_a_statement_that_took_too_long_is_a_failure_of_the_database(engine: Engine) -> None:
    assert ask(engine, "SET statement_timeout = 50; SELECT pg_sleep(5)") == "core.database_unavailable"


def test_the_answer_says_when_to_try_again() -> None:
    problem = as_domain_error(psycopg.errors.AdminShutdown("terminating connection"))
    assert isinstance(problem, DatabaseUnavailable)
    assert int(problem.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (PoolTimeout("full"), True),
        (OperationalError("select", None, psycopg.errors.QueryCanceled("57014")), True),
        (DBAPIError("select", None, psycopg.InterfaceError("the connection is closed")), True),
        (IntegrityError("insert", None, psycopg.errors.UniqueViolation("23505")), False),
        (psycopg.ProgrammingError("syntax"), False),
        (ValueError("no"), False),
    ],
)
def test_only_the_databases_own_failures_are_called_so(error: Exception, ours: bool) -> None:
    """A defect of ours must not be told to the caller as somebody else's outage."""
    assert (as_domain_error(error) is not None) is ours


def test_it_works_alike_under_gevent(postgres: EmbeddedPostgres) -> None:
    """There everything shares one loop; the probe must not."""
    script = Path(__file__).with_name("outage_under_gevent.py")
    done = subprocess.run(
        [sys.executable, str(script), postgres.url, str(postgres.pid)],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "before": "ok",
        "before within 3 s": "True",
        "inside a statement": "OperationalError",
        "inside a statement within 3 s": "True",
        "while frozen": "OperationalError",
        "while frozen within 3 s": "True",
        "after": "ok",
        "after within 3 s": "True",
    }
