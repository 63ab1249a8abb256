"""Opening chests."""

from __future__ import annotations

import secrets
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.postgresql import insert

from playhall import publish, session, uuid7
from playhall_loot.api import ChestOpened, NoChestLeft
from playhall_loot.models import Chest, Tally

CONTENTS = ("wooden-sword", "healing-herb", "iron-shield")


def open_chest(account: UUID, per_day: int) -> Chest:
    """Open one of today's chests, or raise NoChestLeft and change nothing."""
    # One account opens one chest at a time: otherwise two requests would count the same ones.
    session().execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"loot:{account}", 0))))
    today = select(func.count()).where(Chest.account_id == account, Chest.opened_at >= text("date_trunc('day', now(), 'UTC')"))
    if session().scalars(today).one() >= per_day:
        raise NoChestLeft(f"All {per_day} chests of today are open; come back tomorrow, UTC")
    values = {"account_id": account, "id": uuid7(), "found": secrets.choice(CONTENTS)}
    chest = session().scalars(insert(Chest).values(values).returning(Chest)).one()
    publish(ChestOpened(account_id=account, chest_id=chest.id, found=chest.found))
    return chest


def chests(account: UUID) -> Select[Chest]:
    """An account's own chests."""
    return select(Chest).where(Chest.account_id == account)


def tallies() -> Select[Tally]:
    """How often each thing was found."""
    return select(Tally)


def count(found: str) -> None:
    """Count one more."""
    one = insert(Tally).values(found=found, times=1)
    session().execute(one.on_conflict_do_update(index_elements=[Tally.found], set_={"times": Tally.times + 1}))
