"""The zone people see times in, on all servers."""

import asyncio

import pytest
from sqlalchemy import select

from models import Member
from models.storage.database import Database
from scheduler.availability import reader_zone
from scheduler.core import members
from tests.support.builders import MONDAY, STUDENT
from tests.support.transactions import query, transact


async def set_zone(db: Database, name: str, user_id: int = STUDENT) -> None:
    await transact(db, members.set_zone, user_id, name)


async def zone_of(db: Database, user_id: int = STUDENT) -> str:
    return await query(db, reader_zone.zone_name_of, user_id, "Europe/Berlin")


async def test_people_without_a_zone_of_their_own_see_the_other_zone(db: Database) -> None:
    async with db.begin() as session:
        session.add(Member(user_id=STUDENT, dms_closed_at=MONDAY))

    assert await zone_of(db) == "Europe/Berlin"
    assert await zone_of(db, STUDENT + 1) == "Europe/Berlin"


@pytest.mark.parametrize("known", [False, True])
async def test_a_persons_own_zone_is_remembered_for_them_only(db: Database, known: bool) -> None:
    if known:
        async with db.begin() as session:
            session.add(Member(user_id=STUDENT, dms_closed_at=MONDAY, time_zone="UTC"))

    await set_zone(db, "Asia/Kathmandu")

    assert await zone_of(db) == "Asia/Kathmandu"
    assert await zone_of(db, STUDENT + 1) == "Europe/Berlin"
    async with db.read() as session:
        assert (await session.scalars(select(Member.dms_closed_at))).all() == [MONDAY if known else None]


async def test_choosing_a_zone_concurrently_stores_one_row(db: Database) -> None:
    zones = ["Asia/Tokyo", "Asia/Kathmandu"] * 4

    await asyncio.gather(*(set_zone(db, one) for one in zones))

    assert await zone_of(db) in zones
    async with db.read() as session:
        assert len((await session.scalars(select(Member.user_id))).all()) == 1
