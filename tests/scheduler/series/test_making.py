"""Making lessons: how far ahead, what's skipped and why, and what a made lesson is."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from models import (
    CoachingSession,
    Lesson,
    Notification,
    NotificationKind,
    Series,
    SeriesPayment,
    SeriesStatus,
    SessionStatus,
    SkipReason,
)
from models.storage.database import Database
from scheduler.series.making import MARGIN, MOST_AT_ONCE
from tests.support.bookings import SAM, TEN, book
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_coach,
    a_date,
    a_guild,
    a_server_with_a_coach,
    a_session,
)
from tests.support.series import FIRST_DAY, ALesson, a_series, a_weekly_pair, lessons_of, make_more
from tests.support.stored import reservations
from tests.support.time_off import a_closure
from tests.support.transactions import fetch, fetch_all, transact

WEEK = timedelta(weeks=1)
HORIZON = 28 * DAY
"""The coach's."""


async def skipped(db: Database, series_id: int) -> dict[int, SkipReason]:
    """Return why occurrences of a series don't take place."""
    return {one.occurrence: one.skipped for one in await lessons_of(db, series_id) if one.skipped is not None}


async def test_lessons_are_made_beyond_the_horizon(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    assert await lessons_of(db, series_id) == [ALesson(n, TEN + n * WEEK) for n in range(5)]
    series = await fetch(db, Series, series_id)
    assert (series.made_until, series.next_step_at) == (TEN + 5 * WEEK, TEN + 5 * WEEK - HORIZON - MARGIN)


async def test_the_longest_horizon_in_any_server_counts(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, horizon_days=70)
        series = await a_series(session)

    assert len(await lessons_of(db, series.id)) == 11


async def test_a_lesson_is_an_ordinary_session_at_the_agreed_price_with_reminders_only(db: Database) -> None:
    await a_server_with_a_coach(db, rate_minor=9900, buffer_after_minutes=15)
    await transact(db, a_series, lesson_count=1, notes="Scales.", total_cost_minor=4000, currency="EUR")

    (made,) = await fetch_all(db, select(CoachingSession))
    assert (made.starts_at, made.ends_at, made.currency) == (TEN, TEN + HOUR, "EUR")
    assert (made.student.user_id, made.student.total_cost_minor, made.student.notes) == (STUDENT, 4000, "Scales.")
    assert made.next_step_at == TEN - 15 * MINUTE
    assert await reservations(db) == [(COACH, TEN, TEN + 75 * MINUTE), (STUDENT, TEN, TEN + HOUR)]
    told = await fetch_all(db, select(Notification))
    assert {one.kind for one in told} == {NotificationKind.SESSION_REMINDER}


async def test_making_again_makes_nothing_twice_and_later_only_what_is_new(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    before = await lessons_of(db, series_id)

    await transact(db, make_more, series_id, MONDAY)
    assert await lessons_of(db, series_id) == before

    due = (await fetch(db, Series, series_id)).next_step_at
    assert due is not None
    await transact(db, make_more, series_id, due)
    assert await lessons_of(db, series_id) == [*before, ALesson(5, TEN + 5 * WEEK)]


async def test_what_is_taken_closed_or_off_is_skipped_and_the_others_stay_where_they_are(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_session(session, starts_at=TEN + WEEK + 30 * MINUTE, student_id=STUDENT + 1)
        await a_session(session, starts_at=TEN + 2 * WEEK - 30 * MINUTE, coach_id=COACH, student_id=STUDENT + 2)
        await a_date(session, FIRST_DAY + 3 * WEEK)
        await a_closure(session, FIRST_DAY + 4 * WEEK)
        series = await a_series(session)

    assert await lessons_of(db, series.id) == [
        ALesson(0, TEN),
        ALesson(1, TEN + WEEK, SkipReason.TAKEN),
        ALesson(2, TEN + 2 * WEEK, SkipReason.TAKEN),
        ALesson(3, TEN + 3 * WEEK, SkipReason.CLOSED),
        ALesson(4, TEN + 4 * WEEK, SkipReason.CLOSED),
    ]


async def test_a_lesson_next_to_another_session_takes_place(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_session(session, starts_at=TEN - HOUR, student_id=STUDENT + 1)
        await a_session(session, starts_at=TEN + HOUR, student_id=STUDENT + 1)
        series = await a_series(session)

    assert await skipped(db, series.id) == {}


async def test_the_coachs_buffers_have_to_be_free_too(db: Database) -> None:
    await a_server_with_a_coach(db, buffer_after_minutes=15)
    async with db.begin() as session:
        await a_session(session, starts_at=TEN + HOUR, student_id=STUDENT + 1)
        series = await a_series(session)

    assert await skipped(db, series.id) == {0: SkipReason.TAKEN}


async def test_what_the_student_has_elsewhere_is_in_the_way(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, user_id=COACH + 1)
        await a_session(session, guild_id=GUILD + 1, coach_id=COACH + 1, starts_at=TEN + WEEK)
        series = await a_series(session)

    assert await skipped(db, series.id) == {1: SkipReason.TAKEN}


async def test_a_time_that_the_clocks_skip_is_a_skipped_lesson(db: Database) -> None:
    night: dict[str, Any] = {"first_day": date(2026, 3, 22), "start_minute": 150, "time_zone": "Europe/Berlin"}
    series_id = await a_weekly_pair(db, **night)

    assert await skipped(db, series_id) == {1: SkipReason.CLOCKS}


async def test_a_cancelled_lesson_keeps_its_row_and_does_not_come_back(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    async with db.begin() as session:
        (first, *_) = await session.scalars(select(Lesson).order_by(Lesson.occurrence))
        await session.execute(delete(Notification))
        row = await session.get_one(CoachingSession, first.session_id)
        row.status = SessionStatus.CANCELLED

    await transact(db, make_more, series_id, MONDAY + WEEK)

    starts = [one.starts_at for one in await fetch_all(db, select(CoachingSession))]
    assert starts == [TEN + n * WEEK for n in range(6)]


async def test_what_should_have_been_made_while_the_bot_was_off_is_missed(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    back_at = TEN + 6 * WEEK + MINUTE
    await transact(db, make_more, series_id, back_at)

    assert await skipped(db, series_id) == {5: SkipReason.MISSED, 6: SkipReason.MISSED}
    assert [one.starts_at for one in await lessons_of(db, series_id)][-1] == TEN + 11 * WEEK - WEEK


async def test_after_years_it_catches_up_some_at_a_time(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    years_later = TEN + 150 * WEEK

    await transact(db, make_more, series_id, years_later)

    assert len(await lessons_of(db, series_id)) == 5 + MOST_AT_ONCE
    assert (await fetch(db, Series, series_id)).next_step_at == years_later


@pytest.mark.parametrize("ends", [{"lesson_count": 3}, {"until": FIRST_DAY + 2 * WEEK}])
async def test_a_series_is_over_after_its_last_lesson(db: Database, ends: dict[str, Any]) -> None:
    series_id = await a_weekly_pair(db, **ends)
    over_at = TEN + 2 * WEEK + HOUR
    assert (await fetch(db, Series, series_id)).next_step_at == over_at

    await transact(db, make_more, series_id, over_at)

    series = await fetch(db, Series, series_id)
    assert (series.status, series.next_step_at) == (SeriesStatus.ENDED, None)
    assert len(await lessons_of(db, series_id)) == 3


@pytest.mark.parametrize("status", [SeriesStatus.REQUESTED, SeriesStatus.ENDED, SeriesStatus.LAPSED])
async def test_only_a_running_series_has_lessons(db: Database, status: SeriesStatus) -> None:
    series_id = await a_weekly_pair(db, status=status)

    assert await lessons_of(db, series_id) == []


async def test_nothing_is_made_for_a_coach_who_left(db: Database) -> None:
    await a_server_with_a_coach(db, left_at=MONDAY)
    series = await transact(db, a_series)

    assert await lessons_of(db, series.id) == []
    assert (await fetch(db, Series, series.id)).next_step_at == MONDAY + DAY


@pytest.mark.parametrize(
    ("pays_with", "first_step"),
    [
        (SeriesPayment.CREDIT, TEN - 14 * DAY),
        (SeriesPayment.CARD, TEN - 7 * DAY),
        (SeriesPayment.OTHERWISE, None),
    ],
)
async def test_a_lesson_knows_when_its_payment_is_seen_to(
    db: Database, pays_with: SeriesPayment, first_step: datetime | None
) -> None:
    await a_weekly_pair(db, pays_with=pays_with, lesson_count=1)

    (lesson,) = await fetch_all(db, select(Lesson))
    assert lesson.pay_step_at == first_step


async def test_a_time_zone_that_is_gone_makes_nothing_and_keeps_nothing_until_it_is_back(db: Database) -> None:
    await a_server_with_a_coach(db, horizon_days=60)
    series = await transact(db, a_series, time_zone="Mars/Olympus")

    assert await lessons_of(db, series.id) == []
    assert (await fetch(db, Series, series.id)).next_step_at == MONDAY + DAY
    assert (await transact(db, book, SAM, TEN + WEEK)).starts_at == TEN + WEEK

    async with db.begin() as session:
        (await session.get_one(Series, series.id)).rules[0].time_zone = "UTC"
    await transact(db, make_more, series.id, MONDAY + DAY)
    assert (await skipped(db, series.id))[1] is SkipReason.TAKEN
