"""One transaction at the edge: committed once, tried again when PostgreSQL says so, never half."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from app.core.db import ATTEMPTS, after_commit, db, session, sqlstate, transaction, uuid7
from app.core.models import Account

MakeAccount = Callable[..., UUID]


def count() -> int:
    return session().scalars(select(func.count()).select_from(Account)).one()


def db_pool() -> QueuePool:
    """The connections of this process."""
    pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    return pool


def fail(code: str) -> None:
    """Make PostgreSQL raise this code."""
    session().execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$"))


def test_work_is_committed(app: Flask) -> None:
    """What was added is there for everybody."""
    with app.app_context():
        transaction(lambda: session().add(Account()))
    with app.app_context():
        assert count() == 1


def test_failure_leaves_nothing(app: Flask) -> None:
    """What was added before the error is gone, and the error is passed on."""

    def work() -> None:
        session().add(Account())
        session().flush()
        raise ValueError("no")

    with app.app_context():
        with pytest.raises(ValueError, match="no"):
            transaction(work)
        assert count() == 0


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_serialization_failure_is_tried_again(app: Flask, code: str) -> None:
    """The whole work is done again in a fresh session, and its effect is there once."""
    tries: list[int] = []

    def work() -> None:
        tries.append(id(session()))
        session().add(Account())
        session().flush()
        if len(tries) < 3:
            fail(code)

    with app.app_context():
        transaction(work)
        assert len(tries) == 3
        assert count() == 1


def test_tries_are_bounded(app: Flask) -> None:
    """After the last one the error is the caller's."""
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        fail("40001")

    with app.app_context(), pytest.raises(DBAPIError) as caught:
        transaction(work)
    assert sqlstate(caught.value) == "40001"
    assert len(tries) == ATTEMPTS


def test_other_errors_are_not_tried_again(app: Flask, make_account: MakeAccount) -> None:
    """A constraint that says no will say no again."""
    account, tries = make_account(), []

    def work() -> None:
        tries.append(1)
        session().add(Account(id=account))
        session().flush()

    with app.app_context(), pytest.raises(IntegrityError):
        transaction(work)
    assert len(tries) == 1


def test_real_deadlock_is_survived(app: Flask, make_account: MakeAccount) -> None:
    """Two that lock in opposite order both succeed."""
    both = [make_account(), make_account()]
    barrier, entered = threading.Barrier(2, timeout=10), threading.local()

    def lock(first: UUID, second: UUID) -> None:
        def work() -> None:
            update = "UPDATE core_account SET status = status WHERE id = :id"
            session().execute(text(update), {"id": first})
            if not getattr(entered, "once", False):
                entered.once = True
                barrier.wait()
            session().execute(text(update), {"id": second})
            done.append(first)

        with app.app_context():
            transaction(work)

    done: list[UUID] = []
    threads = [threading.Thread(target=lock, args=order) for order in (both, both[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(done) == sorted(both)


def test_callbacks_run_after_the_commit_only(app: Flask) -> None:
    """Once each, when the rows are visible to others; not for tries that were rolled back, and not for what failed."""
    seen: list[str] = []
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        session().add(Account())
        session().flush()
        after_commit(lambda: seen.append(f"{len(tries)}: {count()}"))
        if len(tries) == 1:
            fail("40001")

    def failing() -> None:
        session().add(Account())
        session().flush()
        after_commit(lambda: seen.append("never"))
        raise ValueError

    with app.app_context():
        transaction(work)
        with pytest.raises(ValueError):  # noqa: PT011
            transaction(failing)
        transaction(lambda: None)
    assert seen == ["2: 1"]


def test_a_callback_that_fails_denies_nothing(app: Flask) -> None:
    """The work is committed; its answer stands, and the other callbacks run."""
    seen: list[str] = []

    def work() -> str:
        after_commit(lambda: [][1])
        after_commit(lambda: seen.append("second"))
        return "done"

    with app.app_context():
        assert transaction(work) == "done"
    assert seen == ["second"]


def test_transaction_opens_with_the_first_statement(app: Flask) -> None:
    """Who calls the outside first holds no connection meanwhile."""
    with app.app_context():
        held = []
        transaction(lambda: held.append(db.engine.pool.checkedout()))  # type: ignore[attr-defined]
    assert held == [0]


def test_more_requests_than_connections_wait_their_turn(app: Flask) -> None:
    """When all connections are out for a moment, the next request waits for one and is not refused."""
    with app.app_context():
        pool = db_pool()
    taken = [pool.connect() for _ in range(pool.size())]
    threading.Timer(0.3, taken[0].close).start()
    pool.connect().close()  # raises when it does not wait
    for connection in taken[1:]:
        connection.close()


def test_statement_that_takes_too_long_is_cancelled(app: Flask) -> None:
    """The time-out of the settings is the session's."""
    with app.app_context():
        shown = session().execute(text("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")).one()
    assert tuple(shown) == ("2500ms", "2s")


def test_ids_are_ordered_by_time() -> None:
    """Version 7, so that new rows land beside each other."""
    made = [uuid7() for _ in range(100)]
    assert made == sorted(made)
    assert {one.version for one in made} == {7}
