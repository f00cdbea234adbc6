"""Hours of running series that have no lesson yet: nobody else can book them, whichever way they try."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, Series, SeriesStatus, SkipReason
from models.storage.database import Database
from scheduler.availability import free_times
from scheduler.booking import reservations
from scheduler.core.errors import SlotTaken
from tests.support.bookings import SAM, TEN, book, hold, rescheduling_to
from tests.support.builders import (
    COACH,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    a_session,
    refusal,
    statements,
)
from tests.support.series import a_series, lessons_of, make_more
from tests.support.transactions import query, transact

WEEK = timedelta(weeks=1)
NEXT_YEAR = TEN + 40 * WEEK
"""A lesson's start, long before it's made."""


async def a_coach_with_a_long_horizon(db: Database, **changed: Any) -> Series:
    """Store a running series, and only then let people book the coach for up to a year."""
    await a_server_with_a_coach(db, **changed)
    async with db.begin() as session:
        series = await a_series(session)
        (await session.get_one(Coach, (GUILD, COACH))).horizon_days = 365
        return series


@pytest.mark.parametrize("press", [book, hold])
async def test_nobody_can_book_or_hold_an_hour_that_has_no_lesson_yet(
    db: Database, press: Callable[..., Awaitable[object]]
) -> None:
    await a_coach_with_a_long_horizon(db)

    for at in (NEXT_YEAR, NEXT_YEAR - 30 * MINUTE, NEXT_YEAR + 30 * MINUTE):

        async def use_case(session: AsyncSession, at: datetime = at) -> None:
            await press(session, SAM, at)

        await refusal(db, SlotTaken, use_case)
    for at in (NEXT_YEAR - HOUR, NEXT_YEAR + HOUR):
        await transact(db, press, SAM, at)


async def test_no_session_is_rescheduled_to_one(db: Database) -> None:
    await a_coach_with_a_long_horizon(db)
    booked = await transact(db, book, SAM, TEN + HOUR)

    await refusal(db, SlotTaken, rescheduling_to(booked.id, NEXT_YEAR, SAM))


async def test_the_coachs_buffers_around_it_are_kept_too(db: Database) -> None:
    await a_coach_with_a_long_horizon(db, buffer_after_minutes=30)

    async def use_case(session: AsyncSession) -> None:
        await book(session, SAM, NEXT_YEAR + HOUR)

    await refusal(db, SlotTaken, use_case)


async def test_the_student_keeps_it_as_a_coach_and_as_a_student_elsewhere(db: Database) -> None:
    await a_coach_with_a_long_horizon(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, user_id=COACH + 1, horizon_days=365)
        await a_coach(session, guild_id=GUILD + 1, user_id=STUDENT, horizon_days=365)

    for coach_id, actor in ((COACH + 1, STUDENT), (STUDENT, SAM.user_id)):

        async def free(session: AsyncSession, coach_id: int = coach_id, student_id: int = actor) -> list[datetime]:
            coach = await session.get_one(Coach, (GUILD + 1, coach_id))
            return list(await free_times.free_times(session, coach, HOUR, student_id=student_id, now=MONDAY))

        found = await query(db, free)
        assert NEXT_YEAR not in found
        assert NEXT_YEAR + HOUR in found


async def test_what_asks_for_no_free_times_cannot_take_it_either(db: Database) -> None:
    await a_coach_with_a_long_horizon(db)
    async with db.begin() as session:
        other = await a_session(session, starts_at=NEXT_YEAR + 5 * HOUR, student_id=STUDENT + 5, reserved=False)
        coach = await session.get_one(Coach, (GUILD, COACH))
        taken = {"session_id": other.id}

        assert not await reservations.reserve_coach(session, coach, NEXT_YEAR, HOUR, **taken)
        assert not await reservations.reserve_participant(session, STUDENT, NEXT_YEAR, NEXT_YEAR + HOUR, **taken)
        assert await reservations.reserve_coach(session, coach, NEXT_YEAR + HOUR, HOUR, **taken)


@pytest.mark.parametrize("status", [one for one in SeriesStatus if one is not SeriesStatus.ACTIVE])
async def test_only_a_running_series_keeps_its_hours(db: Database, status: SeriesStatus) -> None:
    await a_server_with_a_coach(db, horizon_days=365)
    await transact(db, a_series, status=status)

    assert (await transact(db, book, SAM, NEXT_YEAR)).starts_at == NEXT_YEAR


async def test_nothing_is_kept_after_its_end(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_series(session, until=NEXT_YEAR.date() - WEEK)
        (await session.get_one(Coach, (GUILD, COACH))).horizon_days = 365

    await transact(db, book, SAM, NEXT_YEAR)


async def test_where_clock_changes_bring_two_series_together_the_first_keeps_its_hour(db: Database) -> None:
    """New York changes its clocks three weeks before Berlin, so 15:00 there is 10:00 here for three weeks."""
    await a_server_with_a_coach(db, horizon_days=1)
    start = datetime(2026, 2, 16, 8, tzinfo=UTC)
    async with db.begin() as session:
        york: dict[str, Any] = {
            "start_minute": 10 * 60,
            "time_zone": "America/New_York",
            "student_id": STUDENT + 1,
        }
        second = await a_series(session, first_day=start.date(), now=start, decided_at=start + MINUTE, **york)
        first = await a_series(
            session, first_day=start.date(), now=start, start_minute=15 * 60, time_zone="Europe/Berlin"
        )

    for week in range(8):
        for series_id in (second.id, first.id):
            await transact(db, make_more, series_id, start + week * WEEK)

    assert {one.skipped for one in await lessons_of(db, first.id)} == {None}
    taken = [one.occurrence for one in await lessons_of(db, second.id) if one.skipped is SkipReason.TAKEN]
    assert taken == [3, 4, 5]


async def test_a_list_of_free_times_takes_one_more_query_however_many_series_there_are(db: Database) -> None:
    async def ask(session: AsyncSession) -> None:
        coach = await session.get_one(Coach, (GUILD, COACH))
        list(await free_times.free_times(session, coach, HOUR, student_id=STUDENT, now=MONDAY))

    async def queries() -> int:
        async with db.begin() as session:
            with statements(db) as said:
                await ask(session)
        return len(said)

    await a_server_with_a_coach(db, horizon_days=1)
    before = await queries()
    async with db.begin() as session:
        for number in range(8):
            await a_series(session, start_minute=number * 120, student_id=STUDENT + number)
        (await session.get_one(Coach, (GUILD, COACH))).horizon_days = 365

    assert await queries() == before
