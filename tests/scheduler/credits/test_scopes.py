"""Which credit a session can be booked with."""

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachSpecialty, CreditLot, Specialty
from models.storage.database import Database
from scheduler.credits import ledger
from tests.support.builders import COACH, GUILD, MONDAY, STUDENT, a_server_with_a_coach
from tests.support.credits import a_lot
from tests.support.transactions import transact

MIXING, MASTERING = 1, 2


async def teach(session: AsyncSession, specialty_id: int) -> None:
    session.add(CoachSpecialty(guild_id=GUILD, coach_id=COACH, specialty_id=specialty_id))


async def is_usable(session: AsyncSession) -> bool:
    coach = await session.get_one(Coach, (GUILD, COACH))
    lots = list(await session.scalars(select(CreditLot)))
    usable = await ledger.usable_for(session, lots, coach)
    _, taken_from = await ledger.lots_to_take_from(session, STUDENT, coach, MONDAY, MONDAY)
    assert taken_from == usable
    return bool(usable)


@pytest.mark.parametrize(("taught", "usable"), [(MIXING, True), (MASTERING, False)])
async def test_credit_for_a_specialty_is_for_coaches_who_teach_it(db: Database, taught: int, usable: bool) -> None:
    await a_server_with_a_coach(db)
    await transact(db, teach, taught)
    await transact(db, a_lot, specialty_ids=[MIXING])

    assert await transact(db, is_usable) is usable


async def test_credit_for_a_specialty_that_was_removed_is_for_all_coaches(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, specialty_ids=[MIXING])
    assert not await transact(db, is_usable)

    async with db.begin() as session:
        await session.execute(delete(Specialty).where(Specialty.id == MIXING))

    assert await transact(db, is_usable)
