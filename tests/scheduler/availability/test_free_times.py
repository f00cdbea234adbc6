"""The free times that follow from a coach's hours and rules and from everybody's reservations."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach
from models.storage.database import Database
from scheduler.availability import free_times
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    a_session,
)
from tests.support.transactions import transact

MON = 0


async def free(
    db: Database,
    minutes: int = 60,
    *,
    student_id: int = STUDENT,
    now: datetime = MONDAY,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[str]:
    """Free starts, short to read: "Mon 09:00"."""
    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        length = timedelta(minutes=minutes)
        found = await free_times.free_times(
            session, coach, length, student_id=student_id, now=now, since=since, until=until
        )
        return [f"{at:%a %H:%M}" for at in found]


async def test_free_times_are_the_hours_up_to_the_horizon(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 11 * 60)], horizon_days=7)

    assert await free(db) == ["Mon 09:00", "Mon 09:30", "Mon 10:00"]


async def test_the_horizon_itself_is_included(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 8 * 60, 10 * 60)], horizon_days=7, minimum_notice_minutes=60)

    assert await free(db) == ["Mon 09:00", "Mon 08:00"]  # 9 March, 08:00 is exactly seven days ahead


async def test_the_range_that_is_asked_for_includes_both_ends(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 17 * 60)], slot_step_minutes=60)

    found = await free(db, since=MONDAY + 2 * HOUR, until=MONDAY + 4 * HOUR)

    assert found == ["Mon 10:00", "Mon 11:00", "Mon 12:00"]


async def test_nothing_up_to_now_is_free_whatever_is_asked_for(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 6 * 60, 10 * 60)], horizon_days=1, slot_step_minutes=60)

    assert await free(db, since=MONDAY - DAY) == ["Mon 09:00"]
    assert await free(db, now=MONDAY - timedelta(microseconds=1)) == ["Mon 08:00", "Mon 09:00"]


async def test_a_coach_who_has_paused_has_no_free_times(db: Database) -> None:
    await a_server_with_a_coach(db, accepting=False)

    assert await free(db) == []


async def test_hours_are_on_the_coachs_own_clock(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 11 * 60)], time_zone="America/New_York", horizon_days=1)

    assert await free(db) == ["Mon 14:00", "Mon 14:30", "Mon 15:00"]


async def test_the_minimum_notice_is_kept(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 8 * 60, 12 * 60)], minimum_notice_minutes=120, horizon_days=1)

    assert await free(db) == ["Mon 10:00", "Mon 10:30", "Mon 11:00"]


async def test_only_what_holds_the_whole_length_is_free(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 10 * 60 + 30)], horizon_days=1)

    assert await free(db, 30) == ["Mon 09:00", "Mon 09:30", "Mon 10:00"]
    assert await free(db, 90) == ["Mon 09:00"]


async def test_a_time_at_which_the_coach_has_a_session_is_not_free(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 13 * 60)], horizon_days=1)
    await transact(db, a_session, starts_at=MONDAY + 2 * HOUR, student_id=STUDENT + 1)

    assert await free(db) == ["Mon 09:00", "Mon 11:00", "Mon 11:30", "Mon 12:00"]


async def test_the_coachs_buffers_keep_distance_from_other_sessions(db: Database) -> None:
    await a_server_with_a_coach(
        db, hours=[(MON, 9 * 60, 14 * 60)], horizon_days=1, buffer_before_minutes=15, buffer_after_minutes=15
    )
    await transact(db, a_session, starts_at=MONDAY + 3 * HOUR, student_id=STUDENT + 1)

    assert await free(db) == ["Mon 09:00", "Mon 09:30", "Mon 12:30", "Mon 13:00"]


async def test_a_time_is_free_or_not_whether_it_is_asked_for_alone_or_among_others(db: Database) -> None:
    await a_server_with_a_coach(
        db, hours=[(MON, 9 * 60, 15 * 60)], horizon_days=1, buffer_before_minutes=30, buffer_after_minutes=45
    )
    await transact(db, a_session, starts_at=MONDAY + 4 * HOUR, student_id=STUDENT + 1)
    half_hours = [MONDAY + n * 30 * MINUTE for n in range(16)]

    alone = [time for at in half_hours for time in await free(db, since=at, until=at)]

    assert alone == await free(db)
    assert alone == ["Mon 09:00", "Mon 09:30", "Mon 10:00", "Mon 13:30", "Mon 14:00"]


async def test_a_time_at_which_the_student_is_busy_is_not_free_for_them(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 12 * 60)], horizon_days=1)
    async with db.begin() as session:
        await a_coach(session, user_id=COACH + 1, hours=())
        await a_session(session, coach_id=COACH + 1, starts_at=MONDAY + HOUR)

    assert await free(db) == ["Mon 10:00", "Mon 10:30", "Mon 11:00"]
    assert await free(db, student_id=STUDENT + 1) == [
        "Mon 09:00",
        "Mon 09:30",
        "Mon 10:00",
        "Mon 10:30",
        "Mon 11:00",
    ]


async def elsewhere(session: AsyncSession, **changed: Any) -> None:
    """A session at 09:00 in another server."""
    await a_guild(session, id=GUILD + 1)
    for user_id in (COACH, COACH + 1):
        await a_coach(session, guild_id=GUILD + 1, user_id=user_id, hours=())
    await a_session(session, guild_id=GUILD + 1, starts_at=MONDAY + HOUR, **changed)


@pytest.mark.parametrize("who", [{"student_id": STUDENT + 1}, {"coach_id": COACH + 1}], ids=["coach", "student"])
async def test_being_busy_in_another_server_is_being_busy(db: Database, who: dict[str, int]) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 11 * 60)], horizon_days=1)
    await transact(db, elsewhere, **who)

    assert await free(db) == ["Mon 10:00"]


async def test_a_coach_who_learns_elsewhere_is_busy_then(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 11 * 60)], horizon_days=1)
    await transact(db, elsewhere, coach_id=COACH + 1, student_id=COACH)

    assert await free(db) == ["Mon 10:00"]


async def test_a_reservation_that_began_long_before_still_counts(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 12 * 60)], horizon_days=1)
    await transact(db, a_session, starts_at=MONDAY + 2 * HOUR - DAY + MINUTE, ends_at=MONDAY + 2 * HOUR + MINUTE)

    assert await free(db, since=MONDAY + HOUR) == ["Mon 10:30", "Mon 11:00"]
