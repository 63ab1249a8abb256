"""First tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "gacha_20261121_1"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "gacha_banner",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opens_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("closes_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("closes_at IS NULL OR closes_at > opens_at", name=op.f("ck_gacha_banner_window")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gacha_banner")),
        sa.UniqueConstraint("key", name=op.f("uq_gacha_banner_key")),
    )


def downgrade() -> None:
    op.drop_table("gacha_banner")
