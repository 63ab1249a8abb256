"""Chests and tallies"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "loot_20261121_1"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "loot_chest",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["core_account.id"], name=op.f("fk_loot_chest_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_loot_chest")),
    )
    op.create_table(
        "loot_tally",
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("found", name=op.f("pk_loot_tally")),
    )


def downgrade() -> None:
    op.drop_table("loot_tally")
    op.drop_table("loot_chest")
