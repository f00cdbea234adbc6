"""Browsing coaches, and how many queries it takes."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models import AvailabilityRule, Coach, CoachSpecialty, CoachStatus, DateOverride
from models.storage.database import Database
from scheduler.availability import coach_search, free_times
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    OFFICE_HOURS,
    STUDENT,
    a_coach,
    a_date,
    a_guild,
    a_server_with_a_coach,
    a_session,
    statements,
)
from tests.support.transactions import query, transact

MON, TUE = 0, 1
NINE = (9 * 60, 10 * 60)


async def browse(db: Database, now: datetime = MONDAY) -> list[coach_search.Listing]:
    return await query(db, coach_search.browse, GUILD, STUDENT, now)


async def test_coaches_are_sorted_by_next_free_time_then_by_name(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        who: dict[str, dict[str, Any]] = {
            "Nobody": {"hours": ()},
            "anna": {"hours": ()},
            "Late": {"hours": [(MON, *NINE)], "minimum_notice_minutes": 20 * 24 * 60, "horizon_days": 40},
            "Tuesday": {"hours": [(TUE, *NINE)]},
            "Zoe": {"hours": [(MON, *NINE)]},
            "Bob": {"hours": [(MON, *NINE)]},
        }
        for number, (name, values) in enumerate(who.items()):
            await a_coach(session, user_id=COACH + number, display_name=name, **values)

    found = await browse(db)

    assert [(one.coach.display_name, one.next_free) for one in found] == [
        ("Bob", MONDAY + HOUR),
        ("Zoe", MONDAY + HOUR),
        ("Tuesday", MONDAY + DAY + HOUR),
        ("Late", MONDAY + 21 * DAY + HOUR),
        ("anna", None),
        ("Nobody", None),
    ]


async def test_a_student_sees_only_other_coaches_on_this_server_who_take_bookings(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_guild(session, id=GUILD + 1)
        await a_coach(session)
        await a_coach(session, user_id=STUDENT)
        await a_coach(session, user_id=1, accepting=False)
        await a_coach(session, user_id=2, status=CoachStatus.SUSPENDED)
        await a_coach(session, user_id=3, guild_id=GUILD + 1)

    assert [one.coach.user_id for one in await browse(db)] == [COACH]


async def test_specialties_are_listed_in_the_servers_order(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_guild(session, id=GUILD + 1)
        for guild_id, user_id, taught in ((GUILD, COACH, (2, 1)), (GUILD, 1, (2,)), (GUILD + 1, COACH, (3,))):
            await a_coach(session, guild_id=guild_id, user_id=user_id, display_name=str(user_id))
            session.add_all(
                CoachSpecialty(guild_id=guild_id, coach_id=user_id, specialty_id=one) for one in taught
            )

    assert [one.specialties for one in await browse(db)] == [["Mastering"], ["Mixing", "Mastering"]]


async def test_the_next_free_time_is_for_the_usual_length(db: Database) -> None:
    hours = [(MON, 9 * 60, 9 * 60 + 45), (TUE, *NINE)]
    await a_server_with_a_coach(db, hours=hours, durations_minutes=[60, 30])

    assert [one.next_free for one in await browse(db)] == [MONDAY + DAY + HOUR]


@pytest.mark.parametrize("last", [365, 7])
async def test_the_next_free_time_is_found_up_to_the_horizon(db: Database, last: int) -> None:
    await a_server_with_a_coach(db, hours=(), horizon_days=last)
    await transact(db, a_date, MONDAY.date() + last * DAY, (8 * 60, 9 * 60))

    assert [one.next_free for one in await browse(db)] == [MONDAY + last * DAY]


# Queries.

Question = Callable[[AsyncSession], Awaitable[object]]


async def queries(db: Database, ask: Question) -> int:
    """Return how many queries a question takes."""
    async with db.begin() as session:
        with statements(db) as said:
            await ask(session)
    return len([one for one in said if one.startswith("SELECT")])


async def many_coaches(db: Database, first: int, count: int) -> None:
    """Store coaches of all kinds: with limits, buffers, notice, days off, and some with nothing free."""
    async with db.begin() as session:
        one = await a_coach(session, user_id=first, hours=())
        values = {column.name: getattr(one, column.name) for column in Coach.__table__.columns}
        ids = range(first + 1, first + count)
        await session.execute(
            insert(Coach),
            [
                values
                | {
                    "user_id": user_id,
                    "display_name": f"Coach {user_id}",
                    "time_zone": ("UTC", "Asia/Kathmandu", "America/New_York")[user_id % 3],
                    "minimum_notice_minutes": user_id % 5 * 24 * 60,
                    "buffer_after_minutes": user_id % 4 * 10,
                    "daily_limit": user_id % 2 + 1,
                    "weekly_limit": None,
                }
                for user_id in ids
            ],
        )
        mine = [{"guild_id": GUILD, "coach_id": user_id} for user_id in ids]
        hours = [{"weekday": day, "start_minute": start, "end_minute": end} for day, start, end in OFFICE_HOURS]
        await session.execute(
            insert(AvailabilityRule), [who | rule for who in mine for rule in hours if who["coach_id"] % 7]
        )
        days_off = [
            who | {"day": MONDAY.date() + day * DAY, "adds": False, "windows": []}
            for who in mine
            for day in range(who["coach_id"] % 4)
        ]
        await session.execute(insert(DateOverride), days_off)
        for user_id in ids[:40]:
            for day in range(2):
                at = MONDAY + day * DAY + HOUR
                await a_session(session, coach_id=user_id, student_id=10_000 + user_id, starts_at=at)


async def test_browsing_500_coaches_takes_as_many_queries_as_browsing_5(db: Database) -> None:
    await transact(db, a_guild)

    async def ask(session: AsyncSession) -> list[coach_search.Listing]:
        return await coach_search.browse(session, GUILD, STUDENT, MONDAY)

    await many_coaches(db, 5_003, 5)  # one of them has nothing free
    for_five = await queries(db, ask)
    await many_coaches(db, 6_000, 495)
    for_five_hundred = await queries(db, ask)

    assert len(await browse(db)) == 500
    assert for_five == for_five_hundred <= 14


async def test_browsing_finds_the_same_next_free_time_as_listing_one_coach(db: Database) -> None:
    await transact(db, a_guild)
    await many_coaches(db, 6_000, 500)

    together = {one.coach.user_id: one.next_free for one in await browse(db)}

    alone: dict[int, datetime | None] = {}
    async with db.read() as session:
        for user_id in [*range(6_000, 6_045), *range(6_045, 6_500, 13)]:
            coach = await session.get_one(Coach, (GUILD, user_id))
            free = await free_times.free_times(session, coach, HOUR, student_id=STUDENT, now=MONDAY)
            alone[user_id] = next(free, None)
    assert len(together) == 500
    assert {user_id: together[user_id] for user_id in alone} == alone
    assert len(set(alone.values())) > 10


async def test_listing_free_times_takes_the_same_queries_for_busy_coaches(db: Database) -> None:
    async def ask(session: AsyncSession) -> list[datetime]:
        coach = await session.get_one(Coach, (GUILD, COACH))
        return list(await free_times.free_times(session, coach, HOUR, student_id=STUDENT, now=MONDAY))

    await a_server_with_a_coach(db, hours=(), daily_limit=9)
    for_nothing = await queries(db, ask)

    async with db.begin() as session:
        session.add_all(
            AvailabilityRule(guild_id=GUILD, coach_id=COACH, weekday=day, start_minute=at, end_minute=at + 10)
            for day in range(7)
            for at in range(0, 1440, 20)
        )
        for day in range(60):
            await a_date(session, MONDAY.date() + day * DAY, (0, 1440))
        for number in range(100):
            await a_session(session, starts_at=MONDAY + number * 4 * HOUR, student_id=number)
    for_much = await queries(db, ask)

    assert for_nothing == for_much <= 7
