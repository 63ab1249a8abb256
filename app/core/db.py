"""The database: the declarative base, the kinds of table, and the one transaction at the edge."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

import structlog
import uuid_utils.compat
from flask import g
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import Connection, Engine, MetaData, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction

from app.core import services
from app.core.querying.unit import Unit

if TYPE_CHECKING:
    from app.core.settings import CoreSettings

T = TypeVar("T")

log = structlog.get_logger(__name__)

# Serialization failure and deadlock: the whole transaction may be tried again.
RETRYABLE = {"40001", "40P01"}
ATTEMPTS = 4


class Kind(StrEnum):
    """Where a table's rows live, and so what its key and its unique constraints must hold."""

    OWNED = "owned"  # an account's rows: the primary key begins with account_id
    SHARED = "shared"  # catalogue, pools and their counters
    LOOKUP = "lookup"  # handle, email or code -> account, keyed by what is looked up
    QUEUE = "queue"  # outbox, jobs, receipts, audit: keyed by id, account optional


class Base(DeclarativeBase):
    """Base of every model. Constraints are named, so that a downgrade can drop what an upgrade made."""

    __kind__: ClassVar[Kind]

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class _Session(FlaskSession):
    """Joins the transaction under way."""

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **options: Any) -> Engine | Connection:
        """The connection that a statement past the session took, if one did."""
        unit = under_way()
        joined = unit.bind() if unit else None
        return joined or super().get_bind(mapper, clause, bind, **options)

    def begin_nested(self) -> SessionTransaction:
        """A savepoint now, and not with the session's next statement: what was sent before is not in it, what is sent from here on is."""
        _flush()
        nested = super().begin_nested()
        if under_way():
            self.connection()
        return nested


class _Database(SQLAlchemy):
    """Keeps the order in which statements were written, whichever way they go."""

    def _make_engine(self, *args: Any) -> Engine:
        engine = super()._make_engine(*args)
        for moment in ("before_cursor_execute", "commit"):
            event.listen(engine, moment, _flush)
        return engine


def _flush(*_: Any) -> None:
    if unit := under_way():
        unit.flush()


# Flask-SQLAlchemy adds its own declarative machinery to a base it is given; only its sessions and engines are used.
db = _Database(metadata=Base.metadata, disable_autonaming=True, session_options={"class_": _Session})


def uuid7() -> UUID:
    """A time-ordered id (RFC 9562), so that new rows land beside each other in the index."""
    return uuid_utils.compat.uuid7()


def engine_options(settings: CoreSettings) -> dict[str, Any]:
    """Pool and time-outs: nobody waits for the database longer than a second to connect or be served a connection."""
    server = {
        "statement_timeout": settings.statement_timeout_ms,
        "lock_timeout": settings.lock_timeout_ms,
        # A host that vanished without a word must not keep its row locks for hours.
        "tcp_keepalives_idle": 10,
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
        "idle_in_transaction_session_timeout": 60_000,
    }
    options = " ".join(f"-c {name}={value}" for name, value in server.items())
    return {
        "pool_size": settings.database_pool_size,
        "max_overflow": 0,
        "pool_timeout": 1,  # whole seconds: Flask-SQLAlchemy cuts off a fraction, and 0.9 would be no wait at all
        "pool_use_lifo": True,
        "hide_parameters": True,  # values in an error's words would end in logs
        "connect_args": {
            "options": options,
            "connect_timeout": 2,
            "tcp_user_timeout": 3000,
            "application_name": "playhall",
            # Of its own accord psycopg forgets all that it had prepared at each rollback, in a round trip; a Statement stays prepared.
            "prepare_threshold": None,
        },
    }


def session() -> Session:
    """The session of this request or job."""
    return db.session()


def under_way() -> Unit | None:
    """The transaction that `transaction` opened here, if one is under way."""
    try:
        found: Unit | None = g.get("unit")
    except RuntimeError:  # no application context, as in a migration
        return None
    return found


def abandon() -> None:
    """Undo all of the transaction under way; what follows begins anew."""
    unit = under_way()
    unit.close() if unit else db.session.remove()


def after_commit(callback: Callable[[], None]) -> None:
    """Call it once, after the transaction under way has committed; not at all when it rolls back."""
    db.session.info.setdefault("after_commit", []).append(callback)


def transaction(work: Callable[[], T], *, attempts: int = ATTEMPTS, again: Callable[[DBAPIError], bool] = lambda _error: False) -> T:
    """Do the work and commit it once; on a serialization failure, a deadlock or a lost connection do it again in a fresh session.

    `again` tells of further errors after which it may be tried again. It opens with the first statement, so what a job
    says to the outside before that holds no connection. The last statements and the commit are one round trip.
    """
    for attempt in range(1, attempts + 1):
        unit = Unit(db)
        try:
            result, callbacks = _attempt(unit, work)
            break
        except DBAPIError as error:
            # Lost while committing: nobody knows whether it was done.
            lost = error.connection_invalidated and not unit.committing
            if attempt == attempts or not (sqlstate(error) in RETRYABLE or lost or again(error)):
                raise
            services.close()
            time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, not a secret
    for callback in callbacks:
        try:
            callback()
        except Exception:
            log.exception("after_commit.failed", callback=getattr(callback, "__qualname__", repr(callback)))
    return result


def _attempt(unit: Unit, work: Callable[[], T]) -> tuple[T, list[Callable[[], None]]]:
    if under_way():
        raise RuntimeError("a transaction is under way already: the route or the job opens it, once, and services never commit")
    g.unit = unit
    callbacks: list[Callable[[], None]] = []
    try:
        result = work()
        if db.session.registry.has():
            db.session.flush()
            callbacks = db.session.info.pop("after_commit", [])
        unit.commit()
    except BaseException:
        unit.close()
        raise
    finally:
        del g.unit
    return result, callbacks


def sqlstate(error: DBAPIError) -> str | None:
    """PostgreSQL's five-character code, when the server gave one."""
    return getattr(error.orig, "sqlstate", None)
