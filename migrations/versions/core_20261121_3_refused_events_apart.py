"""What Kafka refused stands apart from what waits for it"""

from alembic import op

revision = "core_20261121_3"
down_revision = "core_20261121_2"

transactional = False
timeout = "15min"

REFUSED, PENDING = "ix_core_outbox_kafka_refused", "ix_core_outbox_kafka_pending"
WAITS = "kafka_at IS NULL AND jobs_at IS NOT NULL"


def upgrade() -> None:
    _build(REFUSED, "kafka_error IS NOT NULL")
    # Replaced, so that what was refused is not read again in each round.
    _build(PENDING, f"{WAITS} AND kafka_error IS NULL")


def downgrade() -> None:
    _drop(REFUSED)
    _build(PENDING, WAITS)


def _build(index: str, condition: str) -> None:
    _drop(index)
    op.execute(f"CREATE INDEX CONCURRENTLY {index} ON core_outbox (id) WHERE {condition}")


def _drop(index: str) -> None:
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")
