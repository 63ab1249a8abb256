"""The audit log says who changed what, in the change's own transaction, and tells no secrets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import guarding
import pytest
from flask import Flask
from flask.testing import FlaskClient
from guarding import SignIn, guarded, guarded_app, sign_in
from sqlalchemy import select
from structlog.contextvars import bound_contextvars, clear_contextvars

from app.core.audit import audit
from app.core.db import db, transaction
from app.core.models import AuditEntry

__all__ = ["guarded", "guarded_app", "sign_in"]


@pytest.fixture(autouse=True)
def fresh_context() -> None:
    """Nothing is bound from another test's request."""
    clear_contextvars()


def written(app: Flask) -> list[AuditEntry]:
    """Every entry, oldest first."""
    with app.app_context():
        return list(db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def test_an_entry_names_the_account_and_the_request(
    guarded: FlaskClient, guarded_app: Flask, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being told either."""
    who = sign_in()

    def work(count: int) -> str:
        audit("guarded.changed", "thing:1", before={"count": 1}, after={"count": count})
        return "done"

    monkeypatch.setattr(guarding, "work", work)
    headers = {**who.headers, "Idempotency-Key": "k", "X-Request-Id": "the-request"}
    assert guarded.post("/guarded/pay/1", headers=headers, json={"count": 2}).status_code == 201
    (entry,) = written(guarded_app)
    assert (entry.account_id, entry.request_id, entry.action, entry.object) == (who.account, "the-request", "guarded.changed", "thing:1")
    assert (entry.before, entry.after) == ({"count": 1}, {"count": 2})


def test_a_change_that_rolled_back_is_not_in_the_log(app: Flask) -> None:
    """The log tells what happened."""

    def work() -> None:
        audit("guarded.changed", "thing:1")
        raise RuntimeError

    with app.app_context(), pytest.raises(RuntimeError):
        transaction(work)
    assert written(app) == []


def test_a_command_is_an_operator_s(app: Flask) -> None:
    """It has neither account nor request; what was not given is null."""
    with app.app_context():
        transaction(lambda: audit("guarded.changed", "thing:1"))
    (entry,) = written(app)
    assert (entry.account_id, entry.request_id, entry.before, entry.after) == (None, None, None, None)


def test_an_anonymous_request_is_nobody_s(app: Flask) -> None:
    """Whatever the log still knows of another."""
    with app.test_request_context("/"), bound_contextvars(account_id="0197f3a4-5b6c-7d8e-9f00-112233445566"):
        transaction(lambda: audit("guarded.changed", "thing:1"))
    (entry,) = written(app)
    assert entry.account_id is None


def test_a_job_answers_for_the_account_that_caused_it(app: Flask) -> None:
    """By what the log knows of its cause."""
    account = UUID("0197f3a4-5b6c-7d8e-9f00-112233445566")
    with app.app_context(), bound_contextvars(account_id=str(account), request_id="cause"):
        transaction(lambda: audit("guarded.changed", "thing:1"))
    (entry,) = written(app)
    assert (entry.account_id, entry.request_id) == (account, "cause")


SECRETS: dict[str, Any] = {
    "password": "hunter22",  # pragma: allowlist secret
    "new_password_hash": "$argon2id$v=19$x",
    "api_key": "sk_live_1",  # pragma: allowlist secret
    "nested": {"refresh_token": "abc", "list": [{"client_secret": "xyz"}]},
}


def test_secrets_are_masked_at_any_depth(app: Flask) -> None:
    """In what was and in what is; everything else stays."""
    with app.app_context():
        transaction(lambda: audit("guarded.changed", "thing:1", before=SECRETS, after={**SECRETS, "name": "Kim", "amount": 5}))
    (entry,) = written(app)
    for secret in ("hunter22", "argon2", "sk_live", "abc", "xyz"):
        assert secret not in str(entry.before) + str(entry.after)
    assert entry.after is not None
    assert (entry.after["name"], entry.after["amount"]) == ("Kim", 5)
    assert SECRETS["password"] == "hunter22"  # pragma: allowlist secret


def test_ids_and_times_are_written_as_on_the_wire(app: Flask) -> None:
    """A value that JSON has no word for is spelled as everywhere else."""
    account = UUID("0197f3a4-5b6c-7d8e-9f00-112233445566")
    with app.app_context():
        transaction(lambda: audit("guarded.changed", "thing:1", after={"account": account}))
    (entry,) = written(app)
    assert entry.after == {"account": str(account)}
