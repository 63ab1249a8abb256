"""Defects that a round trip shows: of the schema, and of the rows in it."""

from __future__ import annotations

from .revising import alter, revision
from .seed import Edit, Seed

# What a table may have besides columns; the seeds below lose it.
_RICH = """ALTER TABLE seedling_ticket ADD weight int CONSTRAINT ck_seedling_ticket_weight CHECK (weight > 0),
    ADD twice int GENERATED ALWAYS AS (weight * 2) STORED;
CREATE INDEX ix_seedling_ticket_weight ON seedling_ticket (weight) WHERE weight > 5"""
_POOR = "ALTER TABLE seedling_ticket DROP twice, DROP weight"
_FUNCTION = "CREATE FUNCTION seedling_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
_TRIGGER = f"{_FUNCTION}; CREATE TRIGGER seedling_t BEFORE UPDATE ON seedling_ticket FOR EACH ROW EXECUTE FUNCTION seedling_f()"
_KEY = (
    "DROP CONSTRAINT fk_seedling_ticket_account_id, "
    "ADD CONSTRAINT fk_seedling_ticket_account_id FOREIGN KEY (account_id) REFERENCES core_account"
)


def rich(up: str, down: str = "") -> dict[str, Edit]:
    return {**revision(2, _RICH, _POOR), **revision(3, up, down)}


def _stairway(name: str, says: str, edits: dict[str, Edit]) -> Seed:
    return Seed(gate="stairway", name=name, says=says, edits=edits)


def _data(name: str, says: str, edits: dict[str, Edit]) -> Seed:
    return Seed(gate="stairway-data", name=name, says=says, edits=edits)


STAIRWAY = (
    _stairway("downgrade is missing", "+ TABLE seedling_ticket: weight integer", alter("ADD weight int")),
    _stairway(
        "downgrade raises",
        "downgrade() fails: NotImplementedError",
        revision(2, "ALTER TABLE seedling_ticket ADD weight int", "raise NotImplementedError"),
    ),
    _stairway(
        "enum is left",
        'op.execute("DROP TYPE seedling_kind")',
        revision(
            2,
            "CREATE TYPE seedling_kind AS ENUM ('a'); ALTER TABLE seedling_ticket ADD kind seedling_kind",
            "ALTER TABLE seedling_ticket DROP kind",
        ),
    ),
    _stairway("sequence is left", 'op.execute("DROP SEQUENCE seedling_numbers")', revision(2, "CREATE SEQUENCE seedling_numbers")),
    _stairway("server default is lost", "- TABLE seedling_ticket: taken_at", alter("ALTER taken_at DROP DEFAULT")),
    _stairway("index is lost", "- CREATE INDEX ix_seedling_ticket_weight", rich("DROP INDEX ix_seedling_ticket_weight")),
    _stairway(
        "condition of an index is lost",
        "- INDEX ix_seedling_ticket_weight: ",
        rich("DROP INDEX ix_seedling_ticket_weight", "CREATE INDEX ix_seedling_ticket_weight ON seedling_ticket (weight)"),
    ),
    _stairway(
        "CHECK is lost",
        "- TABLE seedling_ticket: CONSTRAINT ck_seedling_ticket_weight",
        rich("ALTER TABLE seedling_ticket DROP CONSTRAINT ck_seedling_ticket_weight"),
    ),
    _stairway(
        "constraint gets another name",
        "+ TABLE seedling_ticket: CONSTRAINT other CHECK",
        rich(
            "ALTER TABLE seedling_ticket DROP CONSTRAINT ck_seedling_ticket_weight",
            "ALTER TABLE seedling_ticket ADD CONSTRAINT other CHECK (weight > 0)",
        ),
    ),
    _stairway(
        "generated column is another",
        "- TABLE seedling_ticket: twice integer",
        rich("ALTER TABLE seedling_ticket DROP twice", "ALTER TABLE seedling_ticket ADD twice int GENERATED ALWAYS AS (weight * 3) STORED"),
    ),
    _stairway("ON DELETE is lost", "ON DELETE CASCADE", alter("ALTER CONSTRAINT fk_seedling_ticket_account_id DEFERRABLE", _KEY)),
    _stairway("trigger is left", "+ CREATE TRIGGER seedling_t", revision(2, _TRIGGER)),
    _stairway("function is left", 'op.execute("DROP FUNCTION seedling_f()")', revision(2, _FUNCTION)),
    _stairway("grant is left", "+ GRANT SELECT ON TABLE public.seedling_ticket", revision(2, "GRANT SELECT ON seedling_ticket TO PUBLIC")),
    _stairway("comment is left", "+ COMMENT ON TABLE public.seedling_ticket", revision(2, "COMMENT ON TABLE seedling_ticket IS 'x'")),
    _stairway(
        "second upgrade is another",
        "the second upgrade leaves something else",
        revision(
            2,
            "DO $$ BEGIN IF to_regclass('seedling_mark') IS NULL THEN ALTER TABLE seedling_ticket ADD weight int; END IF; END $$",
            "ALTER TABLE seedling_ticket DROP IF EXISTS weight; CREATE TABLE seedling_mark ()",
        ),
    ),
)

DATA = (
    _data("column is dropped and added again", "seedling_ticket.printed_at was", alter("DROP printed_at", "ADD printed_at timestamptz")),
    _data("values are changed for good", "seedling_ticket.ride was", revision(2, "UPDATE seedling_ticket SET ride = upper(ride)")),
    _data("rows are deleted", "seedling_ticket: a row is lost", revision(2, "DELETE FROM seedling_ticket")),
    _data("new column demands a value", "give the column a server default", alter("ADD weight int NOT NULL", "DROP weight")),
    _data("downgrade meets rows without a value", "downgrade() fails", alter("ALTER ride DROP NOT NULL", "ALTER ride SET NOT NULL")),
    _data(
        "downgrade meets values that are new",
        "change what the old schema does not allow",
        {
            **alter("ADD kind text NOT NULL DEFAULT 'a' CONSTRAINT kind CHECK (kind IN ('a', 'b'))", "DROP kind"),
            **revision(
                3,
                "ALTER TABLE seedling_ticket DROP CONSTRAINT kind, ADD CONSTRAINT kind CHECK (kind IN ('a', 'b', 'c')) NOT VALID",
                "ALTER TABLE seedling_ticket DROP CONSTRAINT kind, ADD CONSTRAINT kind CHECK (kind IN ('a', 'b'))",
            ),
        },
    ),
    _data(
        "table is blind",
        "samples = seedling_code.<column>",
        revision(2, "CREATE TABLE seedling_code (code text PRIMARY KEY CHECK (code ~ '^[0-9]{4}$'))", "DROP TABLE seedling_code"),
    ),
)

SEEDS = (*STAIRWAY, *DATA)
