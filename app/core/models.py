"""The core's own tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Kind, uuid7

Timestamp = TIMESTAMP(timezone=True)


class Account(Base):
    """A person or guest. The only table that other packages may point a foreign key at."""

    __tablename__ = "core_account"
    __kind__ = Kind.OWNED
    __table_args__ = (CheckConstraint("status IN ('active', 'suspended', 'deleted')", "status"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    status: Mapped[str] = mapped_column(Text, default="active", server_default="active")
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())


class IdempotencyKey(Base):
    """The answer that the first request with this key got."""

    __tablename__ = "core_idempotency_key"
    __kind__ = Kind.OWNED
    __table_args__ = (Index(None, "created_at"),)

    account_id: Mapped[UUID] = mapped_column(ForeignKey("core_account.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())


class OutboxEvent(Base):
    """An event, committed with the change it tells of. A null time means that sink has not had it."""

    __tablename__ = "core_outbox"
    __kind__ = Kind.QUEUE
    __table_args__ = (
        Index("ix_core_outbox_jobs_pending", "id", postgresql_where=text("jobs_at IS NULL")),
        # After the jobs, so that a broker that hangs holds no row the jobs wait for.
        Index(
            "ix_core_outbox_kafka_pending", "id", postgresql_where=text("kafka_at IS NULL AND jobs_at IS NOT NULL AND kafka_error IS NULL")
        ),
        Index("ix_core_outbox_kafka_refused", "id", postgresql_where=text("kafka_error IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID | None]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    context: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))  # request and account it came from, for the logs
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    jobs_at: Mapped[datetime | None] = mapped_column(Timestamp)
    kafka_at: Mapped[datetime | None] = mapped_column(Timestamp)
    kafka_error: Mapped[str | None] = mapped_column(Text)  # why Kafka refused it; it is set aside until an operator decides


class JobRow(Base):
    """One piece of work. The row is the job; Redis only carries the hint that there is one."""

    __tablename__ = "core_job"
    __kind__ = Kind.QUEUE
    __table_args__ = (
        CheckConstraint("state IN ('ready', 'running', 'done', 'dead')", "state"),
        UniqueConstraint("name", "event_id"),
        UniqueConstraint("name", "tick"),
        Index("ix_core_job_ready", "run_at", "id", postgresql_where=text("state = 'ready'")),
        Index("ix_core_job_running", "lease_until", postgresql_where=text("state = 'running'")),
        Index("ix_core_job_under_way", "account_id", postgresql_where=text("account_id IS NOT NULL AND state IN ('ready', 'running')")),
        Index("ix_core_job_dead", "id", postgresql_where=text("state = 'dead'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    context: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))  # request and account it came from, for the logs
    account_id: Mapped[UUID | None]  # set when an account asked for it; counted by the cap
    event_id: Mapped[UUID | None]  # set when a subscription caused it
    tick: Mapped[datetime | None] = mapped_column(Timestamp)  # set when the schedule caused it
    state: Mapped[str] = mapped_column(Text, default="ready", server_default="ready")
    attempt: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    fence: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # rises with each claim and never falls
    run_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    lease_until: Mapped[datetime | None] = mapped_column(Timestamp)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)


class JobTotal(Base):
    """How many attempts of a job ended so, ever. Spread over a few rows, so that workers seldom wait for each other."""

    __tablename__ = "core_job_total"
    __kind__ = Kind.SHARED
    __table_args__ = (CheckConstraint("outcome IN ('done', 'failed', 'dead')", "outcome"),)

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    outcome: Mapped[str] = mapped_column(Text, primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    total: Mapped[int] = mapped_column(BigInteger)


class Schedule(Base):
    """The last tick of a schedule that was dealt with. It outlives the tick's job, which is purged."""

    __tablename__ = "core_schedule"
    __kind__ = Kind.QUEUE

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    tick: Mapped[datetime] = mapped_column(Timestamp)


class AuditEntry(Base):
    """Who changed what, before and after."""

    __tablename__ = "core_audit_log"
    __kind__ = Kind.QUEUE
    __table_args__ = (Index(None, "object", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    account_id: Mapped[UUID | None]  # who; null for a command run by an operator
    action: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    request_id: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
