"""How date overrides, limits, pauses and rescheduled sessions decide which times are free."""

from datetime import datetime

import pytest

from models import SessionStatus
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
from tests.support.schedule_changes import MON, TODAY, ask
from tests.support.time_off import a_closure, away
from tests.support.transactions import transact

SUNDAY, NEXT_MONDAY = MONDAY + 6 * DAY, MONDAY + 7 * DAY
ONE_A_DAY = [(day, 9 * 60, 10 * 60) for day in range(7)]
"""An hour at nine, every day."""


async def free(db: Database, *, now: datetime = MONDAY, rescheduling_id: int | None = None) -> list[str]:
    """Return free starts like "2 Mon 09:00"."""
    found = await ask(
        db, free_times.free_times, HOUR, student_id=STUDENT, now=now, rescheduling_id=rescheduling_id
    )
    return [f"{at.day} {at:%a %H:%M}" for at in found]


async def why_not(
    db: Database, start: datetime, *, now: datetime = MONDAY, rescheduling_id: int | None = None
) -> SlotRefusal | None:
    """Return why `STUDENT` can't book this start. `rescheduling_id` is the id of the session being rescheduled."""
    found = await ask(
        db, free_times.refusals, start, HOUR, student_id=STUDENT, now=now, rescheduling_id=rescheduling_id
    )
    return found[0] if found else None


# Date overrides.


async def test_date_overrides_remove_replace_or_extend_hours(db: Database) -> None:
    await a_booked_coach(db, hours=ONE_A_DAY, horizon_days=4)
    async with db.begin() as session:
        await a_date(session, TODAY + DAY)
        await a_date(session, TODAY + 2 * DAY, (13 * 60, 14 * 60))
        await a_date(session, TODAY + 3 * DAY, (13 * 60, 14 * 60), adds=True)

    assert await free(db) == ["2 Mon 09:00", "4 Wed 13:00", "5 Thu 09:00", "5 Thu 13:00"]
    assert await why_not(db, MONDAY + DAY + HOUR) is SlotRefusal.DAY_OFF
    assert await why_not(db, MONDAY + 2 * DAY + HOUR) is SlotRefusal.OUTSIDE_HOURS


async def test_an_override_is_for_a_date_on_the_coachs_calendar(db: Database) -> None:
    await a_booked_coach(db, hours=ONE_A_DAY, time_zone="Pacific/Kiritimati", horizon_days=3)
    await transact(db, a_date, TODAY + DAY)  # their 3 March starts on 2 March at 10:00 UTC

    assert await free(db) == ["3 Tue 19:00", "4 Wed 19:00"]


async def test_other_coaches_overrides_do_not_count(db: Database) -> None:
    await a_booked_coach(db, hours=ONE_A_DAY, horizon_days=1)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, user_id=COACH + 1, hours=())
        await a_coach(session, guild_id=GUILD + 1, hours=())
        await a_date(session, TODAY, coach_id=COACH + 1)
        await a_date(session, TODAY, guild_id=GUILD + 1)

    assert await free(db) == ["2 Mon 09:00"]


# Limits.


async def test_a_used_up_daily_limit_closes_the_day(db: Database) -> None:
    await a_booked_coach(
        db, MONDAY + 3 * HOUR, MONDAY + 4 * HOUR, MONDAY + DAY + 3 * HOUR,
        hours=ONE_A_DAY + OFFICE_HOURS[2:3], daily_limit=2, horizon_days=2,
    )  # fmt: skip

    assert await free(db) == ["3 Tue 09:00"]
    assert await why_not(db, MONDAY + HOUR) is SlotRefusal.DAILY_LIMIT


async def test_the_daily_limit_is_for_days_on_the_coachs_calendar(db: Database) -> None:
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


async def test_the_weekly_limit_is_for_monday_to_sunday_and_counts_past_sessions(db: Database) -> None:
    now = MONDAY + 3 * DAY
    over, _, _ = await a_booked_coach(
        db, MONDAY + HOUR, SUNDAY + HOUR, NEXT_MONDAY + HOUR, hours=ONE_A_DAY, weekly_limit=2, horizon_days=7
    )
    await change_session(db, over, status=SessionStatus.COMPLETED)

    found = await free(db, now=now)

    assert found == ["10 Tue 09:00", "11 Wed 09:00"]
    assert await why_not(db, MONDAY + 5 * DAY + HOUR, now=now) is SlotRefusal.WEEKLY_LIMIT


async def test_the_week_starts_on_monday_on_the_coachs_calendar(db: Database) -> None:
    sunday_evening = SUNDAY + 12 * HOUR  # Monday, 9 March, 02:00 in Kiritimati
    kiritimati = {"time_zone": "Pacific/Kiritimati", "weekly_limit": 1, "horizon_days": 14}
    await a_booked_coach(db, sunday_evening, hours=ONE_A_DAY, **kiritimati)

    found = await free(db)

    assert [one.removesuffix(" 19:00") for one in found] == [
        *("2 Mon", "3 Tue", "4 Wed", "5 Thu", "6 Fri", "7 Sat"),
        "15 Sun",
    ]


@pytest.mark.parametrize("status", SessionStatus)
async def test_all_but_cancelled_sessions_count_towards_limits(db: Database, status: SessionStatus) -> None:
    (booked,) = await a_booked_coach(db, MONDAY + 3 * HOUR, hours=ONE_A_DAY, daily_limit=1, horizon_days=1)
    await change_session(db, booked, status=status)

    assert await free(db) == (["2 Mon 09:00"] if status is SessionStatus.CANCELLED else [])


async def test_other_servers_other_coaches_and_own_lessons_do_not_count_towards_limits(db: Database) -> None:
    await a_booked_coach(db, hours=ONE_A_DAY, daily_limit=1, weekly_limit=1, horizon_days=1)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, hours=())
        await a_coach(session, user_id=COACH + 1, hours=(), daily_limit=1)
        await a_session(session, starts_at=MONDAY + 3 * HOUR, guild_id=GUILD + 1, student_id=1)
        await a_session(session, starts_at=MONDAY + 4 * HOUR, coach_id=COACH + 1, student_id=2)
        await a_session(session, starts_at=MONDAY + 5 * HOUR, coach_id=COACH + 1, student_id=COACH)

    assert await free(db) == ["2 Mon 09:00"]


# Rescheduling.


async def test_a_rescheduled_sessions_own_time_is_free_for_it(db: Database) -> None:
    (mine,) = await a_booked_coach(
        db, MONDAY + 2 * HOUR, hours=[(MON, 9 * 60, 12 * 60)], horizon_days=1, buffer_after_minutes=30
    )

    assert await free(db) == ["2 Mon 11:00"]
    assert [at.removeprefix("2 Mon ") for at in await free(db, rescheduling_id=mine)] == [
        *("09:00", "09:30", "10:00", "10:30", "11:00")
    ]
    assert await why_not(db, MONDAY + 2 * HOUR) is SlotRefusal.TAKEN
    assert await why_not(db, MONDAY + 2 * HOUR, rescheduling_id=mine) is None


async def test_other_sessions_block_a_rescheduled_one(db: Database) -> None:
    mine, _ = await a_booked_coach(
        db, MONDAY + HOUR, MONDAY + 2 * HOUR, hours=[(MON, 9 * 60, 12 * 60)], horizon_days=1
    )

    assert await free(db, rescheduling_id=mine) == ["2 Mon 09:00", "2 Mon 11:00"]


@pytest.mark.parametrize("limit", ["daily_limit", "weekly_limit"])
async def test_a_rescheduled_session_does_not_count_towards_limits(db: Database, limit: str) -> None:
    (mine,) = await a_booked_coach(db, MONDAY + 3 * HOUR, hours=ONE_A_DAY, horizon_days=1, **{limit: 1})

    assert await free(db) == []
    assert await free(db, rescheduling_id=mine) == ["2 Mon 09:00"]


async def test_a_session_can_be_rescheduled_while_its_coach_is_paused(db: Database) -> None:
    (mine,) = await a_booked_coach(db, MONDAY + 3 * HOUR, hours=ONE_A_DAY, horizon_days=1, accepting=False)

    assert await free(db) == []
    assert await why_not(db, MONDAY + HOUR) is SlotRefusal.PAUSED
    assert await free(db, rescheduling_id=mine) == ["2 Mon 09:00"]
    assert await why_not(db, MONDAY + HOUR, rescheduling_id=mine) is None


@pytest.mark.slow
async def test_a_start_has_a_refusal_if_and_only_if_it_is_not_listed(db: Database) -> None:
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
        await a_closure(session, TODAY + 4 * DAY)
    await away(db, TODAY + 5 * DAY)
    quarters = [MONDAY + n * 15 * MINUTE for n in range(5 * 24 * 4)]

    listed = list(await ask(db, free_times.free_times, HOUR, student_id=STUDENT, now=MONDAY))
    reasons = {at: await why_not(db, at) for at in quarters}

    assert [at for at, reason in reasons.items() if reason is None] == listed
    assert len(listed) > 5
    assert set(reasons.values()) == set(SlotRefusal) - {SlotRefusal.PAUSED, SlotRefusal.WEEKLY_LIMIT} | {None}
