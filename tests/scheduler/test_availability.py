"""A coach's hours, and the free times that follow from them and from everybody's reservations."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Coach, CoachStatus
from models.database import Database
from scheduler import availability
from scheduler.availability import Week
from scheduler.errors import NotFound
from scheduler.people import Actor
from tests.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    a_session,
    refusal,
)

CARA = Actor(COACH)
MON, TUE, WED = range(3)
MORNING, NOON, EVENING = (8 * 60, 12 * 60), (12 * 60, 14 * 60), (18 * 60, 21 * 60)


async def set_up(db: Database, **coach: Any) -> None:
    """A server with one coach in it."""
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, **coach)


async def set_hours(db: Database, days: Sequence[int], *windows: tuple[int, int]) -> Week:
    async with db.begin() as session:
        return await availability.set_hours(session, GUILD, CARA, days, windows, MONDAY)


async def add_hours(db: Database, days: Sequence[int], window: tuple[int, int]) -> Week:
    async with db.begin() as session:
        return await availability.add_hours(session, GUILD, CARA, days, window, MONDAY)


async def week(db: Database, user_id: int = COACH, guild_id: int = GUILD) -> Week:
    """The hours as they are now."""
    async with db.read() as session:
        return await availability.week_of(session, await session.get_one(Coach, (guild_id, user_id)))


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
        found = await availability.free_times(
            session, coach, length, student_id=student_id, now=now, since=since, until=until
        )
        return [f"{at:%a %H:%M}" for at in found]


# Hours.


async def test_set_hours_replace_those_of_the_days_that_were_picked_and_no_others(db: Database) -> None:
    await set_up(db, hours=[(MON, *MORNING), (TUE, *MORNING), (WED, *MORNING)])

    answered = await set_hours(db, [MON, TUE], NOON, EVENING)

    assert answered == await week(db)
    assert answered == {MON: [NOON, EVENING], TUE: [NOON, EVENING], WED: [MORNING]}


async def test_setting_no_hours_clears_the_days(db: Database) -> None:
    await set_up(db, hours=[(MON, *MORNING), (TUE, *MORNING)])

    await set_hours(db, [MON])

    assert await week(db) == {TUE: [MORNING]}


async def test_added_hours_join_what_is_there(db: Database) -> None:
    await set_up(db, hours=[(MON, *MORNING), (TUE, *EVENING)])

    answered = await add_hours(db, [TUE, MON, MON], NOON)

    assert answered == await week(db)
    assert answered == {MON: [(8 * 60, 14 * 60)], TUE: [NOON, EVENING]}


async def test_adding_the_same_hours_twice_changes_nothing(db: Database) -> None:
    await set_up(db, hours=())
    await add_hours(db, [MON], MORNING)

    await add_hours(db, [MON], MORNING)

    assert await week(db) == {MON: [MORNING]}


async def test_hours_that_are_added_at_once_are_all_there_afterwards(db: Database) -> None:
    await set_up(db, hours=())
    windows = [(hour * 60, hour * 60 + 30) for hour in range(12)]

    await asyncio.gather(*(add_hours(db, [day], window) for day in range(7) for window in windows))

    assert await week(db) == dict.fromkeys(range(7), windows)


async def test_hours_belong_to_one_coach_in_one_server(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, hours=[(MON, *EVENING)])
        await a_coach(session, user_id=COACH + 1, hours=[(MON, *EVENING)])
        await a_coach(session, guild_id=GUILD + 1, hours=[(MON, *EVENING)])

    await set_hours(db, [MON], MORNING)

    assert await week(db) == {MON: [MORNING]}
    assert await week(db, user_id=COACH + 1) == {MON: [EVENING]}
    assert await week(db, guild_id=GUILD + 1) == {MON: [EVENING]}


@pytest.mark.parametrize("status", [CoachStatus.PENDING, CoachStatus.REJECTED, CoachStatus.SUSPENDED, None])
async def test_who_does_not_coach_here_has_no_hours(db: Database, status: CoachStatus | None) -> None:
    async with db.begin() as session:
        await a_guild(session)
        if status is not None:
            await a_coach(session, status=status)

    for_setting = await refusal(
        db, NotFound, lambda s: availability.set_hours(s, GUILD, CARA, [MON], [MORNING], MONDAY)
    )
    for_adding = await refusal(
        db, NotFound, lambda s: availability.add_hours(s, GUILD, CARA, [MON], MORNING, MONDAY)
    )

    assert str(for_setting) == str(for_adding)


async def test_who_set_which_hours_is_on_record(db: Database) -> None:
    await set_up(db)

    await set_hours(db, [TUE, MON], NOON, MORNING)

    async with db.read() as session:
        entry = (await session.scalars(select(AuditEntry))).one()
    assert (entry.action, entry.actor_id, entry.coach_id, entry.at) == ("hours_set", COACH, COACH, MONDAY)
    assert entry.details == {"days": [MON, TUE], "windows": [[8 * 60, 14 * 60]]}


async def test_changing_hours_leaves_booked_sessions_alone(db: Database) -> None:
    await set_up(db, hours=[(MON, *MORNING)])
    async with db.begin() as session:
        booked = await a_session(session, starts_at=MONDAY + 2 * HOUR)

    await set_hours(db, [MON])

    async with db.read() as session:
        assert (await session.get_one(type(booked), booked.id)).status is booked.status


# Free times.


async def test_free_times_are_the_hours_up_to_the_horizon(db: Database) -> None:
    await set_up(db, hours=[(MON, 9 * 60, 11 * 60)], horizon_days=7)

    assert await free(db) == ["Mon 09:00", "Mon 09:30", "Mon 10:00"]


async def test_the_horizon_itself_is_included(db: Database) -> None:
    await set_up(db, hours=[(MON, 8 * 60, 10 * 60)], horizon_days=7, minimum_notice_minutes=60)

    assert await free(db) == ["Mon 09:00", "Mon 08:00"]  # 9 March, 08:00 is exactly seven days ahead


async def test_the_range_that_is_asked_for_includes_both_ends(db: Database) -> None:
    await set_up(db, hours=[(MON, 9 * 60, 17 * 60)], slot_step_minutes=60)

    found = await free(db, since=MONDAY + 2 * HOUR, until=MONDAY + 4 * HOUR)

    assert found == ["Mon 10:00", "Mon 11:00", "Mon 12:00"]


async def test_nothing_before_now_is_free_whatever_is_asked_for(db: Database) -> None:
    await set_up(db, hours=[(MON, 6 * 60, 10 * 60)], horizon_days=1, slot_step_minutes=60)

    assert await free(db, since=MONDAY - DAY) == ["Mon 08:00", "Mon 09:00"]


async def test_a_coach_who_has_paused_has_no_free_times(db: Database) -> None:
    await set_up(db, accepting=False)

    assert await free(db) == []


async def test_hours_are_on_the_coachs_own_clock(db: Database) -> None:
    await set_up(db, hours=[(MON, 9 * 60, 11 * 60)], time_zone="America/New_York", horizon_days=1)

    assert await free(db) == ["Mon 14:00", "Mon 14:30", "Mon 15:00"]


async def test_the_minimum_notice_is_kept(db: Database) -> None:
    await set_up(db, hours=[(MON, 8 * 60, 12 * 60)], minimum_notice_minutes=120, horizon_days=1)

    assert await free(db) == ["Mon 10:00", "Mon 10:30", "Mon 11:00"]


async def test_only_what_holds_the_whole_length_is_free(db: Database) -> None:
    await set_up(db, hours=[(MON, 9 * 60, 10 * 60 + 30)], horizon_days=1)

    assert await free(db, 30) == ["Mon 09:00", "Mon 09:30", "Mon 10:00"]
    assert await free(db, 90) == ["Mon 09:00"]


async def test_a_time_at_which_the_coach_has_a_session_is_not_free(db: Database) -> None:
    await set_up(db, hours=[(MON, 9 * 60, 13 * 60)], horizon_days=1)
    async with db.begin() as session:
        await a_session(session, starts_at=MONDAY + 2 * HOUR, student_id=STUDENT + 1)

    assert await free(db) == ["Mon 09:00", "Mon 11:00", "Mon 11:30", "Mon 12:00"]


async def test_the_coachs_buffers_keep_distance_from_other_sessions(db: Database) -> None:
    await set_up(
        db, hours=[(MON, 9 * 60, 14 * 60)], horizon_days=1, buffer_before_minutes=15, buffer_after_minutes=15
    )
    async with db.begin() as session:
        await a_session(session, starts_at=MONDAY + 3 * HOUR, student_id=STUDENT + 1)

    assert await free(db) == ["Mon 09:00", "Mon 09:30", "Mon 12:30", "Mon 13:00"]


async def test_a_time_is_free_or_not_whether_it_is_asked_for_alone_or_among_others(db: Database) -> None:
    await set_up(
        db, hours=[(MON, 9 * 60, 15 * 60)], horizon_days=1, buffer_before_minutes=30, buffer_after_minutes=45
    )
    async with db.begin() as session:
        await a_session(session, starts_at=MONDAY + 4 * HOUR, student_id=STUDENT + 1)
    half_hours = [MONDAY + n * 30 * MINUTE for n in range(16)]

    alone = [time for at in half_hours for time in await free(db, since=at, until=at)]

    assert alone == await free(db)
    assert alone == ["Mon 09:00", "Mon 09:30", "Mon 10:00", "Mon 13:30", "Mon 14:00"]


async def test_a_time_at_which_the_student_is_busy_is_not_free_for_them(db: Database) -> None:
    await set_up(db, hours=[(MON, 9 * 60, 12 * 60)], horizon_days=1)
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
    await set_up(db, hours=[(MON, 9 * 60, 11 * 60)], horizon_days=1)
    async with db.begin() as session:
        await elsewhere(session, **who)

    assert await free(db) == ["Mon 10:00"]


async def test_a_coach_who_learns_elsewhere_is_busy_then(db: Database) -> None:
    await set_up(db, hours=[(MON, 9 * 60, 11 * 60)], horizon_days=1)
    async with db.begin() as session:
        await elsewhere(session, coach_id=COACH + 1, student_id=COACH)

    assert await free(db) == ["Mon 10:00"]


async def test_a_reservation_that_began_long_before_still_counts(db: Database) -> None:
    await set_up(db, hours=[(MON, 9 * 60, 12 * 60)], horizon_days=1)
    async with db.begin() as session:
        await a_session(session, starts_at=MONDAY + 2 * HOUR - DAY + MINUTE, ends_at=MONDAY + 2 * HOUR + MINUTE)

    assert await free(db, since=MONDAY + HOUR) == ["Mon 10:30", "Mon 11:00"]


async def test_the_first_free_time_is_of_the_usual_length(db: Database) -> None:
    await set_up(db, hours=[(MON, 9 * 60, 9 * 60 + 45), (TUE, 9 * 60, 10 * 60)], durations_minutes=[60, 30])

    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        first = await availability.first_free(session, coach, student_id=STUDENT, now=MONDAY)

    assert first == MONDAY + DAY + HOUR


async def test_a_coach_without_hours_has_no_first_free_time(db: Database) -> None:
    await set_up(db, hours=())

    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        assert await availability.first_free(session, coach, student_id=STUDENT, now=MONDAY) is None
