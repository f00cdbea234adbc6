"""Limits when two people press at the same moment: one succeeds, the other is refused."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild
from models.storage.database import Database
from scheduler.booking import booking, holds
from scheduler.core.actor import Actor
from tests.support.builders import DAY, GUILD, HOUR, MONDAY, a_coach, a_guild
from tests.support.integrity import faults_of, ledger_of
from tests.support.race_worker import Press, press

pytestmark = pytest.mark.slow

ROUNDS = 25
"""Each round has its own people, so that all rounds share a database."""
TEN, TWO = MONDAY + 2 * HOUR, MONDAY + 6 * HOUR

WON = Press(won=True)
NOT_BOOKABLE = Press(refused="NotBookable")
TAKEN = Press(refused="SlotTaken", alternatives=3)

Way = Callable[..., Awaitable[object]]


async def book(session: AsyncSession, student: int, coach_id: int, at: datetime, guild_id: int = GUILD) -> object:
    guild = await session.get_one(Guild, guild_id)
    return await booking.book(session, guild, Actor(student), coach_id, at, HOUR, None, MONDAY)


async def hold(session: AsyncSession, student: int, coach_id: int, at: datetime, guild_id: int = GUILD) -> object:
    guild = await session.get_one(Guild, guild_id)
    return await holds.hold(session, guild, Actor(student), coach_id, at, HOUR, MONDAY)


async def at_once(db: Database, *wishes: tuple[Any, ...]) -> Counter[Press]:
    """Do all of these at the same moment, each `book` or `hold` with its arguments, and count the outcomes."""

    def use_case(way: Way, *arguments: Any) -> Callable[[AsyncSession], Awaitable[object]]:
        return lambda session: way(session, *arguments)

    return Counter(await asyncio.gather(*(press(db, use_case(*wish)) for wish in wishes)))


async def pairs(db: Database, *, most_upcoming: int = 10, **coach: Any) -> list[tuple[int, int]]:
    """Store two coaches per round, and return their ids."""
    found = [(20_000 + 2 * number, 20_001 + 2 * number) for number in range(ROUNDS)]
    async with db.begin() as session:
        await a_guild(session, most_upcoming=most_upcoming)
        for user_id in (one for pair in found for one in pair):
            await a_coach(session, user_id=user_id, horizon_days=2, **coach)
    return found


async def test_of_two_coaches_who_book_each_other_for_one_time_one_succeeds(db: Database) -> None:
    for one, other in await pairs(db, most_upcoming=1, daily_limit=1, weekly_limit=1):
        ended = await at_once(db, (book, one, other, TEN), (book, other, one, TEN))

        assert ended == {WON: 1, TAKEN: 1}
    assert await faults_of(db) == []


async def test_two_coaches_can_book_each_other_for_different_times(db: Database) -> None:
    for one, other in await pairs(db, most_upcoming=1, daily_limit=1, weekly_limit=1):
        ended = await at_once(db, (book, one, other, TEN), (book, other, one, TWO))

        assert ended == {WON: 2}
    assert await faults_of(db) == []


async def test_coaches_who_hold_and_book_each_other_never_deadlock(db: Database) -> None:
    for one, other in (await pairs(db))[:8]:
        wishes = [
            (way, student, coach_id, MONDAY + DAY + number * HOUR)
            for number in range(1, 5)
            for way in (hold, book)
            for student, coach_id in ((one, other), (other, one))
        ]

        ended = await at_once(db, *wishes)

        assert {end.error for end in ended} == {""}
        assert {end.refused for end in ended} <= {"", "SlotTaken"}
        assert ended[WON] >= 4
    assert await faults_of(db) == []


async def test_booking_two_coaches_at_once_keeps_a_students_limit(
    db: Database,
) -> None:
    for student, (one, other) in enumerate(await pairs(db, most_upcoming=1), start=30_000):
        ended = await at_once(db, (book, student, one, TEN), (book, student, other, TWO))

        assert ended == {WON: 1, NOT_BOOKABLE: 1}
    assert await faults_of(db) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [(hold, book), (book, book), (hold, hold)],
    ids=["one holds", "both book", "both hold"],
)
async def test_booking_two_times_of_a_day_at_once_keeps_a_coachs_daily_limit(
    db: Database, first: Way, second: Way
) -> None:
    for student, (coach_id, _) in enumerate(await pairs(db, daily_limit=1), start=30_000):
        ended = await at_once(db, (first, student, coach_id, TEN), (second, student + 1000, coach_id, TWO))

        assert ended == {WON: 1, TAKEN: 1}
    assert await faults_of(db) == []


async def test_holding_two_coaches_at_once_leaves_one_hold(db: Database) -> None:
    for student, (one, other) in enumerate(await pairs(db), start=30_000):
        ended = await at_once(db, (hold, student, one, TEN), (hold, student, other, TWO))

        assert ended == {WON: 2}
    ledger = await ledger_of(db)
    assert len(ledger.holds) == ROUNDS
    assert ledger.faults() == []


async def test_booking_one_time_in_two_servers_at_once_succeeds_in_one(db: Database) -> None:
    found = await pairs(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        for _, other in found:
            await a_coach(session, guild_id=GUILD + 1, user_id=other)

    for student, (one, other) in enumerate(found, start=30_000):
        ended = await at_once(db, (book, student, one, TEN), (book, student, other, TEN, GUILD + 1))

        assert ended == {WON: 1, TAKEN: 1}
    assert await faults_of(db) == []
