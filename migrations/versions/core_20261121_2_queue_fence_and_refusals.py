"""Fencing numbers, totals of jobs, and events that Kafka refused"""

import sqlalchemy as sa
from alembic import op

revision = "core_20261121_2"
down_revision = "core_20261121_1"


def upgrade() -> None:
    op.add_column("core_job", sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "core_job_total",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("outcome IN ('done', 'failed', 'dead')", name=op.f("ck_core_job_total_outcome")),
        sa.PrimaryKeyConstraint("name", "outcome", "slot", name=op.f("pk_core_job_total")),
    )
    op.add_column("core_outbox", sa.Column("kafka_error", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("core_outbox", "kafka_error")
    op.drop_table("core_job_total")
    op.drop_column("core_job", "fence")
