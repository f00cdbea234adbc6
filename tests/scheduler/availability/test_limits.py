"""Single dates, limits, pauses and sessions that are being moved, as far as they decide which times are free."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models import Coach, SessionStatus
from models.storage.database import Database
from scheduler.availability import free_times
from scheduler.availability.slots import SlotRefusal
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    OFFICE_HOURS,
    STUDENT,
    a_booked_coach,
    a_coach,
    a_date,
    a_guild,
    a_session,
    change_session,
)
from tests.support.transactions import transact

MON, TUE, WED = range(3)
TODAY = MONDAY.date()
SUNDAY, NEXT_MONDAY = MONDAY + 6 * DAY, MONDAY + 7 * DAY
ONE_A_DAY = [(day, 9 * 60, 10 * 60) for day in range(7)]
"""An hour at nine, every day."""


async def free(db: Database, *, now: datetime = MONDAY, moving: int | None = None, minutes: int = 60) -> list[str]:
    """Free starts, short to read: "2 Mon 09:00"."""
    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        length = timedelta(minutes=minutes)
        found = await free_times.free_times(session, coach, length, student_id=STUDENT, now=now, moving=moving)
        return [f"{at.day} {at:%a %H:%M}" for at in found]


async def why_not(
    db: Database, start: datetime, *, minutes: int = 60, now: datetime = MONDAY, moving: int | None = None
) -> SlotRefusal | None:
    """What keeps `STUDENT` from the start; `moving` is the id of the session that would give up its time."""
    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        length = timedelta(minutes=minutes)
        return await free_times.first_refusal(
            session, coach, start, length, student_id=STUDENT, now=now, moving=moving
        )


# Single dates.


async def test_on_single_dates_other_hours_hold_or_none_or_more(db: Database) -> None:
    await a_booked_coach(db, hours=ONE_A_DAY, horizon_days=4)
    async with db.begin() as session:
        await a_date(session, TODAY + DAY)
        await a_date(session, TODAY + 2 * DAY, (13 * 60, 14 * 60))
        await a_date(session, TODAY + 3 * DAY, (13 * 60, 14 * 60), adds=True)

    assert await free(db) == ["2 Mon 09:00", "4 Wed 13:00", "5 Thu 09:00", "5 Thu 13:00"]
    assert await why_not(db, MONDAY + DAY + HOUR) is SlotRefusal.DAY_OFF
    assert await why_not(db, MONDAY + 2 * DAY + HOUR) is SlotRefusal.OUTSIDE_HOURS


async def test_a_date_is_one_of_the_coachs_own_calendar(db: Database) -> None:
    await a_booked_coach(db, hours=ONE_A_DAY, time_zone="Pacific/Kiritimati", horizon_days=3)
    await transact(db, a_date, TODAY + DAY)  # their 3 March begins on 2 March at 10:00 UTC

    assert await free(db) == ["3 Tue 19:00", "4 Wed 19:00"]


async def test_dates_of_others_do_not_count(db: Database) -> None:
    await a_booked_coach(db, hours=ONE_A_DAY, horizon_days=1)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, user_id=COACH + 1, hours=())
        await a_coach(session, guild_id=GUILD + 1, hours=())
        await a_date(session, TODAY, coach_id=COACH + 1)
        await a_date(session, TODAY, guild_id=GUILD + 1)

    assert await free(db) == ["2 Mon 09:00"]


# Limits.


async def test_a_daily_limit_closes_the_day_on_which_it_is_used_up(db: Database) -> None:
    await a_booked_coach(
        db, MONDAY + 3 * HOUR, MONDAY + 4 * HOUR, MONDAY + DAY + 3 * HOUR,
        hours=ONE_A_DAY + OFFICE_HOURS[2:3], daily_limit=2, horizon_days=2,
    )  # fmt: skip

    assert await free(db) == ["3 Tue 09:00"]
    assert await why_not(db, MONDAY + HOUR) is SlotRefusal.DAILY_LIMIT


async def test_days_are_counted_on_the_coachs_own_calendar(db: Database) -> None:
    around_the_clock = [(day, 0, 24 * 60) for day in range(7)]
    await a_booked_coach(
        db,
        MONDAY + 3 * HOUR,  # 3 March, 01:00 there
        hours=around_the_clock,
        time_zone="Pacific/Kiritimati",
        daily_limit=1,
        horizon_days=2,
        slot_step_minutes=60,
    )

    found = await free(db)

    assert (found[0], found[1], found[-1]) == ("2 Mon 09:00", "3 Tue 10:00", "4 Wed 08:00")


async def test_a_weekly_limit_counts_from_monday_to_sunday_and_what_is_over_in_that_week_too(db: Database) -> None:
    now = MONDAY + 3 * DAY
    over, coming, _ = await a_booked_coach(
        db, MONDAY + HOUR, SUNDAY + HOUR, NEXT_MONDAY + HOUR, hours=ONE_A_DAY, weekly_limit=2, horizon_days=7
    )
    await change_session(db, over, status=SessionStatus.COMPLETED)

    found = await free(db, now=now)

    assert found == ["10 Tue 09:00", "11 Wed 09:00"]
    assert await why_not(db, MONDAY + 5 * DAY + HOUR, now=now) is SlotRefusal.WEEKLY_LIMIT
    assert over != coming


async def test_the_week_begins_on_monday_on_the_coachs_own_calendar(db: Database) -> None:
    sunday_evening = SUNDAY + 12 * HOUR  # Monday, 9 March, 02:00 in Kiritimati
    await a_booked_coach(
        db,
        sunday_evening,
        hours=ONE_A_DAY,
        time_zone="Pacific/Kiritimati",
        weekly_limit=1,
        horizon_days=14,
    )

    found = await free(db)

    assert found[:6] == [f"{day} {name} 19:00" for day, name in zip(range(2, 8), DAYS, strict=True)]
    assert found[6:] == ["15 Sun 19:00"]


DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        (SessionStatus.SCHEDULED, True),
        (SessionStatus.COMPLETED, True),
        (SessionStatus.NO_SHOW, True),
        (SessionStatus.CANCELLED, False),
    ],
)
async def test_cancelled_sessions_use_up_no_limit(db: Database, status: SessionStatus, counts: bool) -> None:
    (booked,) = await a_booked_coach(db, MONDAY + 3 * HOUR, hours=ONE_A_DAY, daily_limit=1, horizon_days=1)
    await change_session(db, booked, status=status)

    assert await free(db) == ([] if counts else ["2 Mon 09:00"])


async def test_sessions_of_other_servers_and_other_coaches_use_up_no_limit(db: Database) -> None:
    await a_booked_coach(db, hours=ONE_A_DAY, daily_limit=1, weekly_limit=1, horizon_days=1)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, hours=())
        await a_coach(session, user_id=COACH + 1, hours=(), daily_limit=1)
        await a_session(session, starts_at=MONDAY + 3 * HOUR, guild_id=GUILD + 1, student_id=1)
        await a_session(session, starts_at=MONDAY + 4 * HOUR, coach_id=COACH + 1, student_id=2)

    assert await free(db) == ["2 Mon 09:00"]


async def test_what_a_coach_learns_themselves_uses_up_no_limit(db: Database) -> None:
    await a_booked_coach(db, hours=ONE_A_DAY, daily_limit=1, horizon_days=1)
    async with db.begin() as session:
        await a_coach(session, user_id=COACH + 1, hours=())
        await a_session(session, starts_at=MONDAY + 3 * HOUR, coach_id=COACH + 1, student_id=COACH)

    assert await free(db) == ["2 Mon 09:00"]


# A session that is being moved.


async def test_the_time_of_a_session_that_is_being_moved_is_free_for_it(db: Database) -> None:
    (mine,) = await a_booked_coach(
        db, MONDAY + 2 * HOUR, hours=[(MON, 9 * 60, 12 * 60)], horizon_days=1, buffer_after_minutes=30
    )

    assert await free(db) == ["2 Mon 11:00"]
    assert await free(db, moving=mine) == [
        "2 Mon 09:00",
        "2 Mon 09:30",
        "2 Mon 10:00",
        "2 Mon 10:30",
        "2 Mon 11:00",
    ]
    assert await why_not(db, MONDAY + 2 * HOUR) is SlotRefusal.TAKEN
    assert await why_not(db, MONDAY + 2 * HOUR, moving=mine) is None


async def test_other_sessions_stay_in_the_way_of_one_that_is_being_moved(db: Database) -> None:
    mine, _ = await a_booked_coach(
        db, MONDAY + HOUR, MONDAY + 2 * HOUR, hours=[(MON, 9 * 60, 12 * 60)], horizon_days=1
    )

    assert await free(db, moving=mine) == ["2 Mon 09:00", "2 Mon 11:00"]


@pytest.mark.parametrize("limit", ["daily_limit", "weekly_limit"])
async def test_a_session_that_is_being_moved_uses_up_no_limit(db: Database, limit: str) -> None:
    (mine,) = await a_booked_coach(db, MONDAY + 3 * HOUR, hours=ONE_A_DAY, horizon_days=1, **{limit: 1})

    assert await free(db) == []
    assert await free(db, moving=mine) == ["2 Mon 09:00"]


async def test_a_session_can_be_moved_while_its_coach_has_paused(db: Database) -> None:
    (mine,) = await a_booked_coach(db, MONDAY + 3 * HOUR, hours=ONE_A_DAY, horizon_days=1, accepting=False)

    assert await free(db) == []
    assert await why_not(db, MONDAY + HOUR) is SlotRefusal.PAUSED
    assert await free(db, moving=mine) == ["2 Mon 09:00"]
    assert await why_not(db, MONDAY + HOUR, moving=mine) is None


# Why not.


async def test_why_a_time_is_not_free_agrees_with_what_is_listed(db: Database) -> None:
    await a_booked_coach(
        db,
        MONDAY + 4 * HOUR,
        MONDAY + 2 * DAY + HOUR,
        hours=OFFICE_HOURS,
        buffer_before_minutes=15,
        buffer_after_minutes=30,
        minimum_notice_minutes=150,
        horizon_days=3,
        daily_limit=2,
        weekly_limit=5,
        slot_step_minutes=45,
    )
    async with db.begin() as session:
        await a_coach(session, user_id=COACH + 1, hours=())
        await a_session(session, starts_at=MONDAY + DAY + 3 * HOUR, coach_id=COACH + 1)
        await a_session(session, starts_at=MONDAY + DAY + 6 * HOUR, student_id=99)
        await a_session(session, starts_at=MONDAY + 2 * DAY + 4 * HOUR, student_id=98)
        await a_date(session, TODAY + 3 * DAY)
    quarters = [MONDAY + n * 15 * MINUTE for n in range(4 * 24 * 4)]

    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        about: dict[str, Any] = {"student_id": STUDENT, "now": MONDAY}
        listed = list(await free_times.free_times(session, coach, HOUR, **about))
        reasons = {at: await free_times.first_refusal(session, coach, at, HOUR, **about) for at in quarters}

    assert [at for at, reason in reasons.items() if reason is None] == listed
    assert len(listed) > 5
    assert set(reasons.values()) == set(SlotRefusal) - {SlotRefusal.PAUSED, SlotRefusal.WEEKLY_LIMIT} | {None}
