"""First tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "economy_20261121_1"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "economy_item",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("stackable", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("tier IN ('N', 'R', 'SR', 'SSR')", name=op.f("ck_economy_item_tier")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_economy_item")),
    )


def downgrade() -> None:
    op.drop_table("economy_item")
