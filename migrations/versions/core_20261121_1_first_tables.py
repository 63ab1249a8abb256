"""First tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_20261121_1"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "core_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('active', 'suspended', 'deleted')", name=op.f("ck_core_account_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_account")),
    )
    op.create_table(
        "core_audit_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_audit_log")),
    )
    op.create_index(op.f("ix_core_audit_log_object_created_at"), "core_audit_log", ["object", "created_at"], unique=False)
    op.create_table(
        "core_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("tick", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), server_default="ready", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("run_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lease_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('ready', 'running', 'done', 'dead')", name=op.f("ck_core_job_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_job")),
        sa.UniqueConstraint("name", "event_id", name=op.f("uq_core_job_name_event_id")),
        sa.UniqueConstraint("name", "tick", name=op.f("uq_core_job_name_tick")),
    )
    op.create_index("ix_core_job_dead", "core_job", ["id"], unique=False, postgresql_where=sa.text("state = 'dead'"))
    op.create_index("ix_core_job_ready", "core_job", ["run_at", "id"], unique=False, postgresql_where=sa.text("state = 'ready'"))
    op.create_index("ix_core_job_running", "core_job", ["lease_until"], unique=False, postgresql_where=sa.text("state = 'running'"))
    op.create_index(
        "ix_core_job_under_way",
        "core_job",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("account_id IS NOT NULL AND state IN ('ready', 'running')"),
    )
    op.create_table(
        "core_outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("jobs_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("kafka_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_outbox")),
    )
    op.create_index("ix_core_outbox_jobs_pending", "core_outbox", ["id"], unique=False, postgresql_where=sa.text("jobs_at IS NULL"))
    op.create_index(
        "ix_core_outbox_kafka_pending",
        "core_outbox",
        ["id"],
        unique=False,
        postgresql_where=sa.text("kafka_at IS NULL AND jobs_at IS NOT NULL"),
    )
    op.create_table(
        "core_schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tick", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_schedule")),
    )
    op.create_table(
        "core_idempotency_key",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["core_account.id"], name=op.f("fk_core_idempotency_key_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_core_idempotency_key")),
    )
    op.create_index(op.f("ix_core_idempotency_key_created_at"), "core_idempotency_key", ["created_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_core_idempotency_key_created_at"), table_name="core_idempotency_key")
    op.drop_table("core_idempotency_key")
    op.drop_table("core_schedule")
    op.drop_index(
        "ix_core_outbox_kafka_pending",
        table_name="core_outbox",
        postgresql_where=sa.text("kafka_at IS NULL AND jobs_at IS NOT NULL"),
    )
    op.drop_index("ix_core_outbox_jobs_pending", table_name="core_outbox", postgresql_where=sa.text("jobs_at IS NULL"))
    op.drop_table("core_outbox")
    op.drop_index(
        "ix_core_job_under_way",
        table_name="core_job",
        postgresql_where=sa.text("account_id IS NOT NULL AND state IN ('ready', 'running')"),
    )
    op.drop_index("ix_core_job_running", table_name="core_job", postgresql_where=sa.text("state = 'running'"))
    op.drop_index("ix_core_job_ready", table_name="core_job", postgresql_where=sa.text("state = 'ready'"))
    op.drop_index("ix_core_job_dead", table_name="core_job", postgresql_where=sa.text("state = 'dead'"))
    op.drop_table("core_job")
    op.drop_index(op.f("ix_core_audit_log_object_created_at"), table_name="core_audit_log")
    op.drop_table("core_audit_log")
    op.drop_table("core_account")
