"""Things"""

import sqlalchemy as sa
from alembic import op

revision = "bench_20261121_1"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "bench_thing",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["core_account.id"], name=op.f("fk_bench_thing_account_id_core_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_bench_thing")),
    )


def downgrade() -> None:
    op.drop_table("bench_thing")
