"""The database itself refuses to overdraw credit, and to change what its ledger says."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import CreditEntry, CreditLot, EntryKind, LotSource
from models.storage.database import Database
from tests.support.builders import GUILD, MONDAY, STUDENT, a_guild
from tests.support.transactions import fetch_all, transact

LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
APPEND_ONLY = "credit_entries_append_only"
NOT_NEGATIVE = "ck_credit_lots_minutes_not_negative"


async def a_plain_lot(session: AsyncSession, minutes: int, guild_id: int = GUILD) -> int:
    """Store a lot without the application's ledger, and return its key."""
    values = {"guild_id": guild_id, "user_id": STUDENT, "source": LotSource.GRANT, "created_at": MONDAY}
    added = insert(CreditLot).values(minutes_granted=minutes, **values).returning(CreditLot.id)
    lot_id = (await session.execute(added)).scalar_one()
    await add(session, lot_id, minutes, EntryKind.GRANTED)
    return lot_id


async def add(session: AsyncSession, lot_id: int, minutes: int, kind: EntryKind = EntryKind.RESERVED) -> int:
    """Insert an entry without the application's checks, and return its key."""
    values = {"lot_id": lot_id, "kind": kind, "minutes": minutes, "at": MONDAY}
    return (await session.execute(insert(CreditEntry).values(values).returning(CreditEntry.id))).scalar_one()


async def left_in(db: Database, lot_id: int) -> int:
    [found] = await fetch_all(db, select(CreditLot.minutes_left).where(CreditLot.id == lot_id))
    return found


async def assert_credit_guard_stands(db: Database, guild_id: int) -> None:
    """Fail unless the database counts minutes, refuses to overdraw them, and keeps entries as they are."""
    lot_id = await transact(db, a_plain_lot, 60, guild_id)
    other = await transact(db, a_plain_lot, 60, guild_id)
    entry_id = await transact(db, add, lot_id, -45)
    assert await left_in(db, lot_id) == 15

    async def refuse(statement: Any, why: str) -> None:
        async def run(session: AsyncSession) -> None:
            await session.execute(statement)

        with pytest.raises(IntegrityError, match=why):
            await transact(db, run)

    row = {"lot_id": lot_id, "minutes": -16, "kind": EntryKind.RESERVED, "at": MONDAY}
    await refuse(insert(CreditEntry).values(row), NOT_NEGATIVE)
    this = update(CreditEntry).where(CreditEntry.id == entry_id).execution_options(synchronize_session=False)
    for changed in (
        {"id": entry_id + 1000},
        {"lot_id": other},
        {"minutes": -1},
        {"kind": EntryKind.EXPIRED},
    ):
        await refuse(this.values(changed), APPEND_ONLY)
    await refuse(delete(CreditEntry).where(CreditEntry.id == entry_id), APPEND_ONLY)
    if db.is_sqlite:
        # That deletes the old row without its trigger, so the minutes would come back.
        values = f"VALUES ({entry_id}, {lot_id}, 'reserved', -1, 0)"
        for how in ("INSERT OR REPLACE INTO", "REPLACE INTO"):
            await refuse(text(f"{how} credit_entries (id, lot_id, kind, minutes, at) {values}"), APPEND_ONLY)
        await refuse(text(f"UPDATE OR REPLACE credit_entries SET id = id - 1 WHERE id = {entry_id}"), APPEND_ONLY)
    for kind, minutes in (("granted", -5), ("returned", 0), ("charged", 1), ("reserved", 5), ("expired", 0)):
        await refuse(insert(CreditEntry).values(row | {"kind": kind, "minutes": minutes}), "sign_of_kind")
    assert await left_in(db, lot_id) == 15


async def test_the_ledger_cannot_be_overdrawn_or_changed(db: Database) -> None:
    await transact(db, a_guild)

    await assert_credit_guard_stands(db, GUILD)


async def test_whom_an_entry_is_about_can_be_forgotten(db: Database) -> None:
    await transact(db, a_guild)
    lot_id = await transact(db, a_plain_lot, 60)

    async def forget(session: AsyncSession) -> None:
        await session.execute(update(CreditLot).values(user_id=-1, reason=None))
        await session.execute(update(CreditEntry).values(session_id=None))

    await transact(db, forget)

    assert await left_in(db, lot_id) == 60


async def test_several_entries_in_one_statement_are_all_counted_or_none(db: Database) -> None:
    await transact(db, a_guild)
    lot_id = await transact(db, a_plain_lot, 60)
    row = {"lot_id": lot_id, "minutes": -25, "kind": EntryKind.RESERVED, "at": MONDAY}

    async def several(session: AsyncSession, count: int) -> None:
        await session.execute(insert(CreditEntry), [row] * count)

    await transact(db, several, 2)
    with pytest.raises(IntegrityError, match=NOT_NEGATIVE):
        await transact(db, several, 2)

    assert await left_in(db, lot_id) == 10
    assert len(await fetch_all(db, select(CreditEntry))) == 3


@pytest.mark.parametrize("level", LEVELS)
async def test_racing_entries_never_overdraw_a_lot_at_any_isolation_level(db: Database, level: str) -> None:
    await transact(db, a_guild)
    lot_id = await transact(db, a_plain_lot, 60)
    everyone_has_looked = asyncio.Barrier(1 if db.is_sqlite else 8)  # SQLite lets one in at a time

    async def take_25() -> str:
        try:
            async with db.begin() as session:
                if not db.is_sqlite:
                    await session.connection(execution_options={"isolation_level": level})
                    in_use = await session.scalar(text("SELECT current_setting('transaction_isolation')"))
                    assert in_use == level.lower()
                looked = await session.scalar(select(CreditLot.minutes_left).where(CreditLot.id == lot_id))
                await everyone_has_looked.wait()
                assert db.is_sqlite or looked == 60
                await add(session, lot_id, -25)
        except DBAPIError as refused:
            return why(refused)
        return "taken"

    ended = Counter(await asyncio.gather(*(take_25() for _ in range(8))))

    taken = ended.pop("taken")
    if db.is_sqlite or level == LEVELS[0]:
        assert (taken, ended) == (2, {"overdrawn": 6})
    else:
        assert (taken, ended) == (1, {"lost a race": 7})  # all but the first looked at what's no longer true
    assert await left_in(db, lot_id) == 60 - 25 * taken
    assert len(await fetch_all(db, select(CreditEntry))) == 1 + taken


def why(refused: DBAPIError) -> str:
    """Name the reason for a refusal."""
    if isinstance(refused, IntegrityError) and NOT_NEGATIVE in str(refused.orig):
        return "overdrawn"
    return "lost a race" if getattr(refused.orig, "sqlstate", None) == "40001" else str(refused)
