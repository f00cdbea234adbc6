"""Someone is blocked at the moment they book."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, BlockedFrom, Guild, Hold
from models.storage.database import Database
from scheduler.booking import blocks, holds
from scheduler.core.actor import Actor
from tests.support.builders import ADMIN, COACH, GUILD, HOUR, MONDAY, a_guild, a_server_with_a_coach
from tests.support.race_worker import Press, press
from tests.support.transactions import transact

pytestmark = pytest.mark.slow

STUDENTS = range(10_000, 10_025)
TEN = MONDAY + 2 * HOUR


async def hold(session: AsyncSession, student: int) -> object:
    guild = await session.get_one(Guild, GUILD)
    return await holds.hold(session, guild, Actor(student), COACH, TEN, HOUR, MONDAY)


async def block(session: AsyncSession, student: int) -> object:
    return await blocks.block(session, GUILD, student, ADMIN, [BlockedFrom.BOOKING], "", MONDAY)


@pytest.mark.parametrize("ways", [(hold, block), (block, hold)], ids=["hold first", "block first"])
async def test_someone_blocked_while_they_hold_a_slot_keeps_no_hold(
    db: Database, ways: tuple[Callable[..., Awaitable[object]], ...]
) -> None:
    await a_server_with_a_coach(db)

    ends: set[Press] = set()
    for student in STUDENTS:
        ends |= set(await asyncio.gather(*(press(db, partial(way, student=student)) for way in ways)))

    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Hold)) == 0
        blocked = AuditEntry.action == "member_blocked"
        assert await session.scalar(select(func.count()).where(blocked)) == len(STUDENTS)
    assert ends <= {Press(won=True), Press(refused="Blocked")}


async def test_two_admins_who_block_someone_at_once_leave_one_block(db: Database) -> None:
    await transact(db, a_guild)

    ended = [
        await asyncio.gather(*(press(db, partial(block, student=student)) for _ in range(2)))
        for student in STUDENTS
    ]

    assert ended == [[Press(won=True)] * 2] * len(STUDENTS)
