"""Asking for weekly lessons."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import BlockedFrom, Guild, Hold, HoldPurpose, NotificationKind, Series, SeriesStatus
from models.storage.database import Database
from scheduler.booking import blocks, booking, holds
from scheduler.core.errors import Blocked, CoachingError, NotBookable, SlotTaken
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_booked_coach,
    refusal,
)
from tests.support.series import lessons_of
from tests.support.series_requests import ANOTHER, TEN, THE_STUDENT, WEEK, Asking, an_asking
from tests.support.transactions import attempt, fetch, fetch_all, fetch_only, transact

HELD = [TEN + number * WEEK for number in range(8)]
"""The dates that were shown. Others can book the coach 28 days ahead, so five of them become sessions at once."""


async def test_a_request_holds_the_hours_of_both_until_the_coach_answers(db: Database) -> None:
    asking = await an_asking(db)

    asked = await asking.ask(notes=" Scales. ")

    held = await fetch_only(db, select(Hold))
    assert (held.purpose, held.starts_at, held.expires_at) == (HoldPurpose.REQUEST, TEN, MONDAY + HOUR)
    assert (asked.status, asked.hold_id, asked.next_step_at) == (SeriesStatus.REQUESTED, held.id, MONDAY + HOUR)
    assert (asked.notes, asked.total_cost_minor, asked.currency) == ("Scales.", 6000, "USD")
    assert await asking.reserved(COACH) == await asking.reserved(STUDENT) == HELD
    assert await asking.told(NotificationKind.SERIES_REQUEST) == [COACH]


@pytest.mark.parametrize(
    ("hours", "ahead", "answered_within"),
    [
        (72, 30 * DAY, 3 * DAY),
        (72, 2 * DAY, DAY),
        (72, 16 * MINUTE, 10 * MINUTE),
        (1, 15 * MINUTE, 10 * MINUTE),
        (24, 30 * DAY, DAY),
    ],
)
async def test_the_coach_has_the_hours_of_the_setting_or_half_the_time_that_is_left(
    db: Database, hours: int, ahead: timedelta, answered_within: timedelta
) -> None:
    around_the_clock = [(day, 0, 1440) for day in range(7)]
    asking = await an_asking(
        db, guild={"series_answer_hours": hours}, hours=around_the_clock, slot_step_minutes=1, horizon_days=90
    )

    asked = await asking.ask(starts_at=MONDAY + ahead)

    assert asked.answer_by == MONDAY + answered_within


async def test_less_than_fifteen_minutes_before_the_start_nobody_can_be_asked(db: Database) -> None:
    asking = await an_asking(db)
    asking.clock.now = TEN - 14 * MINUTE

    with pytest.raises(NotBookable, match="too soon"):
        await asking.ask()


async def test_without_an_answer_to_wait_for_lessons_are_booked_at_once(db: Database) -> None:
    asking = await an_asking(db, guild={"series_answer_hours": 0})

    booked = await asking.ask()

    assert booked.status is SeriesStatus.ACTIVE
    assert [one.starts_at for one in await lessons_of(db, booked.id)] == HELD[:5]
    assert await asking.told(NotificationKind.SERIES_BOOKED) == [COACH, STUDENT]
    assert await asking.told(NotificationKind.SESSION_BOOKED) == []
    assert await fetch_all(db, select(Hold)) == []


async def test_taken_dates_are_neither_held_nor_made(db: Database) -> None:
    await a_booked_coach(db, TEN + 2 * WEEK)
    asking = Asking(db)

    await asking.ask()

    assert await asking.reserved(STUDENT) == HELD[:2] + HELD[3:]


async def test_pressing_twice_asks_once(db: Database) -> None:
    asking = await an_asking(db)

    first, second = await asyncio.gather(asking.ask(), asking.ask())

    assert first.id == second.id
    assert await asking.told(NotificationKind.SERIES_REQUEST) == [COACH]


async def test_one_of_two_students_who_ask_for_the_same_hour_gets_it_held(db: Database) -> None:
    asking = await an_asking(db)

    async def ask(actor: Any) -> Series | CoachingError:
        try:
            return await asking.ask(actor)
        except CoachingError as refused:
            return refused

    answers = await asyncio.gather(ask(THE_STUDENT), ask(ANOTHER))

    assert sorted(type(one).__name__ for one in answers) == ["Series", "SlotTaken"]


async def test_nobody_else_can_book_an_hour_that_is_held(db: Database) -> None:
    asking = await an_asking(db)
    asked = await asking.ask()

    async def book(session: AsyncSession) -> object:
        guild = await session.get_one(Guild, GUILD)
        return await booking.book(session, guild, ANOTHER, COACH, TEN + 2 * WEEK, HOUR, None, asking.now)

    await refusal(db, SlotTaken, book)
    asking.clock.now = asked.answer_by
    assert not isinstance(await attempt(db, book), CoachingError)


async def test_what_the_student_was_choosing_becomes_the_first_lesson(db: Database) -> None:
    asking = await an_asking(db)
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await holds.hold(session, guild, THE_STUDENT, COACH, TEN, HOUR, asking.now)

    await asking.ask()

    assert [one.purpose for one in await fetch_all(db, select(Hold))] == [HoldPurpose.REQUEST]


async def test_two_series_are_the_most_and_do_not_count_as_upcoming_sessions(db: Database) -> None:
    asking = await an_asking(db, guild={"most_upcoming": 1, "series_answer_hours": 0})
    await asking.ask()
    asked = await asking.ask(starts_at=TEN + HOUR)

    with pytest.raises(NotBookable, match="at 2 times"):
        await asking.ask(starts_at=TEN + 2 * HOUR)
    async with db.begin() as session:
        (await session.get_one(Series, asked.id)).status = SeriesStatus.ENDED
    assert (await asking.ask(starts_at=TEN + 2 * HOUR)).status is SeriesStatus.ACTIVE


async def test_lessons_leave_room_for_single_sessions(db: Database) -> None:
    asking = await an_asking(db, guild={"most_upcoming": 1, "series_answer_hours": 0})
    await asking.ask()

    guild = await fetch(db, Guild, GUILD)
    await transact(db, booking.book, guild, THE_STUDENT, COACH, TEN + DAY, HOUR, None, asking.now)
    with pytest.raises(NotBookable, match="1 upcoming session"):
        await transact(db, booking.book, guild, THE_STUDENT, COACH, TEN + 2 * DAY, HOUR, None, asking.now)


async def test_the_limits_of_the_coach_count_every_lesson_that_is_held(db: Database) -> None:
    asking = await an_asking(db, weekly_limit=1)
    await asking.ask()

    with pytest.raises(SlotTaken, match="weekly limit is 1"):
        await asking.ask(ANOTHER, starts_at=TEN + DAY + 2 * WEEK)


async def test_a_block_a_limit_or_too_many_taken_dates_refuse_the_request(db: Database) -> None:
    await a_booked_coach(
        db, *(TEN + number * WEEK for number in range(1, 6)), TEN + 2 * WEEK + DAY + HOUR, daily_limit=1
    )
    asking = Asking(db)

    with pytest.raises(NotBookable, match="More than half of the next 8 dates are taken"):
        await asking.ask()
    with pytest.raises(NotBookable, match="daily limit is 1"):
        await asking.ask(starts_at=TEN + DAY)
    await transact(db, blocks.block, GUILD, STUDENT, ADMIN, [BlockedFrom.BOOKING], "", asking.now)
    with pytest.raises(Blocked):
        await asking.ask(starts_at=TEN + 2 * DAY)


async def test_the_hours_are_held_as_far_ahead_as_the_coach_can_be_booked_in_any_server(db: Database) -> None:
    asking = await an_asking(db, horizon_days=70)

    await asking.ask()

    assert len(await asking.reserved(COACH)) == 11  # 73 days: until the last moment at which they could answer
