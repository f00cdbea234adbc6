"""Free times, from a coach's hours and rules and everybody's reservations."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

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
from tests.support.schedule_changes import MON, ask
from tests.support.transactions import transact


async def free(
    db: Database,
    minutes: int = 60,
    *,
    student_id: int = STUDENT,
    now: datetime = MONDAY,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[str]:
    """Return free starts like "Mon 09:00"."""
    about: dict[str, Any] = {"student_id": student_id, "now": now, "since": since, "until": until}
    return [f"{at:%a %H:%M}" for at in await ask(db, free_times.free_times, timedelta(minutes=minutes), **about)]


@pytest.mark.parametrize(
    ("coach", "starts"),
    [
        ({"hours": [(MON, 9 * 60, 11 * 60)], "horizon_days": 7}, ["Mon 09:00", "Mon 09:30", "Mon 10:00"]),
        # 9 March, 08:00 is exactly seven days ahead.
        ({"minimum_notice_minutes": 60, "horizon_days": 7}, ["Mon 09:00", "Mon 08:00"]),
        ({"hours": [(MON, 8 * 60, 12 * 60)], "minimum_notice_minutes": 150}, ["Mon 10:30", "Mon 11:00"]),
        ({"time_zone": "America/New_York"}, ["Mon 13:00", "Mon 13:30", "Mon 14:00"]),
        ({"accepting": False}, []),
    ],
    ids=["hours", "horizon included", "minimum notice", "the coach's clock", "paused"],
)
async def test_free_times_follow_the_coachs_hours_and_rules(
    db: Database, coach: dict[str, Any], starts: list[str]
) -> None:
    await a_server_with_a_coach(db, **{"hours": [(MON, 8 * 60, 10 * 60)], "horizon_days": 1, **coach})

    assert await free(db) == starts


async def test_the_requested_range_includes_both_ends(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 17 * 60)], slot_step_minutes=60)

    found = await free(db, since=MONDAY + 2 * HOUR, until=MONDAY + 4 * HOUR)

    assert found == ["Mon 10:00", "Mon 11:00", "Mon 12:00"]


async def test_nothing_up_to_now_is_free(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 6 * 60, 10 * 60)], horizon_days=1, slot_step_minutes=60)

    assert await free(db, since=MONDAY - DAY) == ["Mon 09:00"]
    assert await free(db, now=MONDAY - timedelta(microseconds=1)) == ["Mon 08:00", "Mon 09:00"]


async def test_a_free_time_holds_the_whole_session(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 10 * 60 + 30)], horizon_days=1)

    assert await free(db, 30) == ["Mon 09:00", "Mon 09:30", "Mon 10:00"]
    assert await free(db, 90) == ["Mon 09:00"]


@pytest.mark.parametrize(
    ("buffer", "starts"),
    [
        (0, ["Mon 09:00", "Mon 09:30", "Mon 10:00", "Mon 12:00", "Mon 12:30", "Mon 13:00"]),
        (15, ["Mon 09:00", "Mon 09:30", "Mon 12:30", "Mon 13:00"]),
    ],
)
async def test_other_sessions_and_the_coachs_buffers_are_not_free(
    db: Database, buffer: int, starts: list[str]
) -> None:
    buffers = {"buffer_before_minutes": buffer, "buffer_after_minutes": buffer}
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 14 * 60)], horizon_days=1, **buffers)
    await transact(db, a_session, starts_at=MONDAY + 3 * HOUR, student_id=STUDENT + 1)

    assert await free(db) == starts


async def test_a_single_time_is_free_if_and_only_if_the_list_has_it(db: Database) -> None:
    await a_server_with_a_coach(
        db, hours=[(MON, 9 * 60, 15 * 60)], horizon_days=1, buffer_before_minutes=30, buffer_after_minutes=45
    )
    await transact(db, a_session, starts_at=MONDAY + 4 * HOUR, student_id=STUDENT + 1)
    half_hours = [MONDAY + n * 30 * MINUTE for n in range(16)]

    alone = [time for at in half_hours for time in await free(db, since=at, until=at)]

    assert alone == await free(db)
    assert alone == ["Mon 09:00", "Mon 09:30", "Mon 10:00", "Mon 13:30", "Mon 14:00"]


async def test_a_time_when_the_student_is_busy_is_not_free_for_them(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 12 * 60)], horizon_days=1)
    async with db.begin() as session:
        await a_coach(session, user_id=COACH + 1, hours=())
        await a_session(session, coach_id=COACH + 1, starts_at=MONDAY + HOUR)

    assert await free(db) == ["Mon 10:00", "Mon 10:30", "Mon 11:00"]
    assert len(await free(db, student_id=STUDENT + 1)) == 5


async def elsewhere(session: AsyncSession, **changed: Any) -> None:
    """Store a session at 09:00 on another server."""
    await a_guild(session, id=GUILD + 1)
    for user_id in (COACH, COACH + 1):
        await a_coach(session, guild_id=GUILD + 1, user_id=user_id, hours=())
    await a_session(session, guild_id=GUILD + 1, starts_at=MONDAY + HOUR, **changed)


@pytest.mark.parametrize(
    "who",
    [{"student_id": STUDENT + 1}, {"coach_id": COACH + 1}, {"coach_id": COACH + 1, "student_id": COACH}],
    ids=["coach", "student", "coach as a student"],
)
async def test_people_busy_on_another_server_are_busy(db: Database, who: dict[str, int]) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 11 * 60)], horizon_days=1)
    await transact(db, elsewhere, **who)

    assert await free(db) == ["Mon 10:00"]


async def test_a_reservation_that_started_long_ago_still_counts(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, 9 * 60, 12 * 60)], horizon_days=1)
    await transact(db, a_session, starts_at=MONDAY + 2 * HOUR - DAY + MINUTE, ends_at=MONDAY + 2 * HOUR + MINUTE)

    assert await free(db, since=MONDAY + HOUR) == ["Mon 10:30", "Mon 11:00"]
