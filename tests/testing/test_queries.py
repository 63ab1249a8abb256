"""How many statements something takes."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text

from playhall import Statement, session
from playhall.testing import AsAccount, CountQueries, transaction


def test_statements_are_counted_whichever_way_they_go(app: Flask, count_queries: CountQueries) -> None:
    """Through the session or past it; what opens and closes the transaction is none."""
    one, two = Statement("SELECT 1"), Statement("SELECT $1::int")

    def work() -> None:
        session().execute(text("SELECT 0"))
        one.rows()
        two.rows(5)

    with app.app_context(), count_queries(at_most=3) as sent:
        transaction(work)
    assert sent == ["SELECT 0", "SELECT 1", "SELECT $1::int"]


def test_too_many_are_listed(app: Flask, count_queries: CountQueries) -> None:
    """Numbered, one a line."""

    def two() -> None:
        with count_queries(at_most=1):
            session().execute(text("SELECT\n  1"))
            session().execute(text("SELECT 2"))

    with app.app_context(), pytest.raises(AssertionError) as raised:
        two()
    assert str(raised.value).splitlines() == ["2 statements, at most 1 were expected:", "  1. SELECT 1", "  2. SELECT 2"]


def test_nothing_is_counted_outside(app: Flask, count_queries: CountQueries) -> None:
    """Neither before nor after, nor once it has failed."""
    with app.app_context():
        session().execute(text("SELECT 1"))
        with pytest.raises(ZeroDivisionError), count_queries() as sent:
            raise ZeroDivisionError
        session().execute(text("SELECT 2"))
        Statement("SELECT 3").rows()
    assert sent == []


def test_requests_are_counted(as_account: AsAccount, count_queries: CountQueries) -> None:
    """Whatever a request sends."""
    me = as_account()
    with count_queries() as sent:
        me.get("/api/v1/auth/sessions")
    assert any("auth_session" in statement for statement in sent)
