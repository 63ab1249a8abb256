"""Defects of revisions and models that no round trip shows."""

from __future__ import annotations

from .revising import FIRST, FOLDER, MODELS, OUTSIDE, TEXT, alter, model, revision
from .seed import Edit, Seed


def _locks(name: str, says: str, edits: dict[str, Edit]) -> Seed:
    return Seed(gate="locks", name=name, says=says, edits=edits)


def _ownership(name: str, says: str, edits: dict[str, Edit]) -> Seed:
    return Seed(gate="ownership", name=name, says=says, edits=edits)


def _drift(name: str, says: str, edits: dict[str, Edit]) -> Seed:
    return Seed(gate="drift", name=name, says=says, edits=edits)


LOCKS = (
    _locks(
        "int becomes bigint",
        "is written anew",
        {
            **alter("ADD weight int", "DROP weight"),
            **revision(3, "ALTER TABLE seedling_ticket ALTER weight TYPE bigint", "ALTER TABLE seedling_ticket ALTER weight TYPE int"),
        },
    ),
    _locks("default is new for each row", "is written anew", alter("ADD luck float DEFAULT random()", "DROP luck")),
    _locks(
        "index without CONCURRENTLY",
        "CREATE INDEX CONCURRENTLY",
        revision(2, "CREATE INDEX ix_seedling_ticket_ride ON seedling_ticket (ride)", "DROP INDEX ix_seedling_ticket_ride"),
    ),
    _locks(
        "SET NOT NULL reads the table",
        "NOT VALID, and VALIDATE CONSTRAINT",
        revision(
            2,
            "DELETE FROM seedling_ticket WHERE printed_at IS NULL; ALTER TABLE seedling_ticket ALTER printed_at SET NOT NULL",
            "ALTER TABLE seedling_ticket ALTER printed_at DROP NOT NULL",
            'lossy = "what was not printed"\n',
        ),
    ),
    _locks(
        "CHECK reads the table",
        "NOT VALID, and VALIDATE CONSTRAINT",
        alter("ADD CONSTRAINT ck_ride CHECK (ride <> '')", "DROP CONSTRAINT ck_ride"),
    ),
    _locks(
        "every row is changed",
        "change them from a job",
        revision(2, "UPDATE seedling_ticket SET ride = ride || '!'", "UPDATE seedling_ticket SET ride = rtrim(ride, '!')"),
    ),
    _locks(
        "table is altered outside a transaction",
        "outside a transaction it runs ALTER TABLE",
        alter("ADD weight int", "DROP weight", OUTSIDE),
    ),
)

OWNERSHIP = (
    _ownership(
        "core's table is altered",
        "TABLE core_account does not begin with seedling_",
        revision(2, "ALTER TABLE core_account ADD seed int", "ALTER TABLE core_account DROP seed"),
    ),
    _ownership("foreign key to a neighbour", "points at core_job(id)", alter("ADD job uuid REFERENCES core_job", "DROP job")),
    _ownership("rows of a neighbour", "rows of core_account are written", revision(2, "UPDATE core_account SET status = 'deleted'", "")),
    _ownership(
        "type without prefix",
        "TYPE colour does not begin with seedling_",
        revision(2, "CREATE TYPE colour AS ENUM ('red')", "DROP TYPE colour"),
    ),
)

_ENUM = """kind: Mapped[str | None] = mapped_column(Enum("a", "b", name="seedling_kind"))"""

DRIFT = (
    _drift(
        "model has a column more",
        "only the models of seedling, not its revisions, make: TABLE seedling_ticket: weight",
        model("weight: Mapped[int | None]"),
    ),
    _drift(
        "revision has a column more",
        "only the revisions of seedling, not its models, make: TABLE seedling_ticket: weight",
        alter("ADD weight int", "DROP weight"),
    ),
    _drift(
        "CHECK says something else",
        "ck_seedling_ticket_ride",
        {
            **alter("ADD CONSTRAINT ck_seedling_ticket_ride CHECK (ride <> '')", "DROP CONSTRAINT ck_seedling_ticket_ride"),
            **model("""__table_args__ = (CheckConstraint("ride <> 'x'", name="ride"),)""", "CheckConstraint, "),
        },
    ),
    _drift(
        "enum has a value more",
        "TYPE seedling_kind",
        {
            **revision(
                2,
                "CREATE TYPE seedling_kind AS ENUM ('a'); ALTER TABLE seedling_ticket ADD kind seedling_kind",
                "ALTER TABLE seedling_ticket DROP kind; DROP TYPE seedling_kind",
            ),
            **model(_ENUM, "Enum, "),
        },
    ),
    _drift(
        "index has another condition",
        "INDEX ix_seedling_ticket_ride",
        {
            **revision(
                2, "CREATE INDEX ix_seedling_ticket_ride ON seedling_ticket (ride) WHERE ride <> ''", "DROP INDEX ix_seedling_ticket_ride"
            ),
            **model(
                """__table_args__ = (Index("ix_seedling_ticket_ride", "ride", postgresql_where=text("ride <> 'x'")),)""", "Index, text, "
            ),
        },
    ),
    _drift(
        "default is in the model alone",
        "make: TABLE seedling_ticket: ride",
        {MODELS: ("ride: Mapped[str] = mapped_column(Text)", 'ride: Mapped[str] = mapped_column(Text, server_default="x")')},
    ),
    _drift(
        "generated column is another",
        "TABLE seedling_ticket: half",
        {
            **alter("ADD half int GENERATED ALWAYS AS (length(ride) / 2) STORED", "DROP half"),
            **model('half: Mapped[int | None] = mapped_column(Computed("length(ride) / 3", persisted=True))', "Computed, "),
        },
    ),
)

REST = (
    Seed(
        gate="heads",
        name="two newest",
        says="both newest",
        edits={
            **alter("ADD a int", "DROP a"),
            f"{FOLDER}/seedling_20261122_1_b.py": TEXT.format(number=2, before=1, declared="", up="pass", down="pass").replace(
                '"seedling_20261121_2"', '"seedling_20261122_1"'
            ),
        },
    ),
    Seed(
        gate="heads",
        name="HEAD is stale",
        says="the newest revision of seedling is seedling_20261121_2",
        edits=alter("ADD a int", "DROP a"),
    ),
    Seed(gate="frozen", name="released revision is edited", says="is not as it was", edits={FIRST: ('"""Tickets"""', '"""Cards"""')}),
    Seed(gate="frozen", name="released revision is gone", says="and is gone", edits={FIRST: None}),
    Seed(
        gate="revisions",
        name="imports the application",
        says="it imports app.core.db",
        edits={FIRST: ("import sqlalchemy as sa\n", "import sqlalchemy as sa\nfrom app.core.db import db\n")},
    ),
    Seed(
        gate="revisions", name="foreign id", says="it must be seedling_<yyyymmdd>_<n>", edits={FIRST: ('"seedling_20261121_1"', '"a1b2c3"')}
    ),
    Seed(
        gate="revisions",
        name="no time-out outside a transaction",
        says="needs a time-out of its own",
        edits={FIRST: ("down_revision = None", "down_revision = None\ntransactional = False")},
    ),
    Seed(gate="revisions", name="no way back", says="write downgrade()", edits={FIRST: ("def downgrade", "def backwards")}),
    Seed(
        gate="lifecycle",
        name="table stays",
        says="TABLE seedling_ticket is left behind",
        edits={FIRST: ('    op.drop_table("seedling_ticket")', "    pass")},
    ),
    Seed(
        gate="lifecycle",
        name="row stays in another's table",
        says="seedling leaves rows in core_schedule",
        edits=revision(2, "INSERT INTO core_schedule (name, tick) VALUES ('seedling.open', now())"),
    ),
    Seed(
        gate="lifecycle",
        name="needs a neighbour that it does not require",
        says="seedling alone with what it requires",
        edits=revision(2, "CREATE TABLE seedling_copy AS SELECT * FROM alembic_version_shop", "DROP TABLE seedling_copy"),
    ),
    Seed(
        gate="lifecycle",
        name="takes a neighbour's rows along",
        says="took or changed rows of core_account",
        edits=revision(2, "", "UPDATE core_account SET status = 'deleted'"),
    ),
)

SEEDS = (*LOCKS, *OWNERSHIP, *DRIFT, *REST)
