"""Pausing weekly lessons, and ending them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models import (
    AuditEntry,
    CreditLot,
    FreedTime,
    Guild,
    Lesson,
    NotificationKind,
    Series,
    SeriesStatus,
    SkipReason,
)
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, NotFound, TooLate, Unreadable
from scheduler.series.changes import ending, one_lesson, pausing
from tests.support.bookings import CARA, SAM, STU, TEN, enqueued
from tests.support.builders import ADMIN, COACH, GUILD, HOUR, MONDAY, STUDENT, refusal
from tests.support.series import ALesson, a_weekly_pair, lessons_of, make_more
from tests.support.stored import reservations, session_now
from tests.support.transactions import fetch, fetch_all, transact
from tests.support.waiting_list import a_wish

WEEK = timedelta(weeks=1)
NOW = MONDAY + HOUR


async def pause(db: Database, series_id: int, first: int = 1, weeks: int = 2, actor: Actor = STU) -> None:
    await transact(db, pausing.pause, series_id, first, weeks, actor, GUILD, "Exams.", NOW)


async def end(db: Database, series_id: int, actor: Actor = STU) -> None:
    await transact(db, ending.end, series_id, actor, GUILD, "Moving away.", NOW)


async def skipped(db: Database, series_id: int) -> list[SkipReason | None]:
    return [one.skipped for one in await lessons_of(db, series_id)]


@pytest.mark.parametrize("actor", [STU, CARA, ADMIN])
async def test_a_pause_skips_some_weeks_and_then_goes_on_at_the_same_hour(db: Database, actor: Actor) -> None:
    series_id = await a_weekly_pair(db)

    await pause(db, series_id, actor=actor)
    await transact(db, make_more, series_id, MONDAY + WEEK)

    paused = {1, 2}
    assert await lessons_of(db, series_id) == [
        ALesson(n, TEN + n * WEEK, SkipReason.PAUSED if n in paused else None) for n in range(6)
    ]
    assert await enqueued(db) == [(NotificationKind.SERIES_PAUSED, one, NOW) for one in (STUDENT, COACH)]


async def test_others_can_book_the_hour_during_a_pause(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await transact(db, a_wish, SAM)

    await pause(db, series_id)

    starts = [start for user_id, start, _ in await reservations(db) if user_id == COACH]
    assert starts == [TEN, TEN + 3 * WEEK, TEN + 4 * WEEK]
    assert len(await fetch_all(db, select(FreedTime))) == 2


async def test_a_pause_reaches_lessons_that_are_not_made_yet(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await pause(db, series_id, 3, 4)
    await transact(db, make_more, series_id, MONDAY + 3 * WEEK)

    assert await skipped(db, series_id) == [None] * 3 + [SkipReason.PAUSED] * 4 + [None]


async def test_a_pause_of_lessons_every_two_weeks_counts_weeks_too(db: Database) -> None:
    series_id = await a_weekly_pair(db, interval_weeks=2)

    await pause(db, series_id, 1, 3)

    assert await skipped(db, series_id) == [None, SkipReason.PAUSED, SkipReason.PAUSED]


async def test_a_pause_leaves_what_was_skipped_before(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await transact(db, one_lesson.skip, series_id, 2, CARA, GUILD, "", MONDAY)

    await pause(db, series_id)

    assert await skipped(db, series_id) == [None, SkipReason.PAUSED, SkipReason.BY_HAND, None, None]


async def test_a_paused_lesson_can_come_back(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await pause(db, series_id)

    await transact(db, one_lesson.bring_back, series_id, 2, STU, GUILD, NOW)

    assert await skipped(db, series_id) == [None, SkipReason.PAUSED, None, None, None]


@pytest.mark.parametrize("weeks", [0, 5])
async def test_a_pause_lasts_one_to_four_weeks(db: Database, weeks: int) -> None:
    series_id = await a_weekly_pair(db)

    await refusal(db, Unreadable, lambda session: pausing.pause(session, series_id, 1, weeks, STU, GUILD, "", NOW))


async def test_no_pause_follows_another(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await pause(db, series_id)

    await refusal(db, NotBookable, lambda session: pausing.pause(session, series_id, 3, 4, STU, GUILD, "", NOW))


async def test_only_the_two_and_admins_pause_and_only_from_an_upcoming_lesson(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await refusal(db, NotFound, lambda session: pausing.pause(session, series_id, 1, 1, SAM, GUILD, "", NOW))
    await refusal(db, NotFound, lambda session: pausing.pause(session, series_id, 9, 1, STU, GUILD, "", NOW))
    await refusal(db, TooLate, lambda session: pausing.pause(session, series_id, 0, 1, STU, GUILD, "", TEN))


@pytest.mark.parametrize("actor", [STU, CARA, ADMIN])
async def test_ending_takes_a_week_of_notice(db: Database, actor: Actor) -> None:
    series_id = await a_weekly_pair(db)

    await end(db, series_id, actor)

    series = await fetch(db, Series, series_id)
    assert (series.ends_at, series.ended_by, series.end_reason) == (NOW + WEEK, actor.user_id, "Moving away.")
    taken = [start for user_id, start, _ in await reservations(db) if user_id == STUDENT]
    assert taken == [TEN]
    assert await enqueued(db) == [(NotificationKind.SERIES_ENDED, one, NOW) for one in (STUDENT, COACH)]


async def test_lessons_within_the_notice_take_place_and_then_it_is_over(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).series_notice_days = 14

    await end(db, series_id)
    await transact(db, make_more, series_id, MONDAY + 3 * WEEK)

    taken = [start for user_id, start, _ in await reservations(db) if user_id == STUDENT]
    assert taken == [TEN, TEN + WEEK]
    series = await fetch(db, Series, series_id)
    assert (series.status, series.next_step_at) == (SeriesStatus.ENDED, None)


async def test_without_notice_it_ends_at_once(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).series_notice_days = 0

    await end(db, series_id)

    assert await reservations(db) == []


async def test_ended_lessons_cannot_be_ended_again(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await end(db, series_id)

    refused = await refusal(db, TooLate, lambda session: ending.end(session, series_id, CARA, GUILD, "", NOW))

    assert "already ended" in str(refused)
    await refusal(db, NotFound, lambda session: ending.end(session, series_id, SAM, GUILD, "", NOW))


async def test_a_student_who_ends_too_late_for_a_lesson_is_late(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        guild.series_notice_days, guild.cancel_notice_minutes = 0, 24 * 60

    await end(db, series_id)

    async def was_late(occurrence: int) -> bool | None:
        lesson = await fetch(db, Lesson, (series_id, occurrence))
        return (await session_now(db, lesson.session_id or 0)).student.cancelled_late

    assert (await was_late(0), await was_late(1)) == (True, False)


async def test_nobody_gets_make_ups_for_lessons_that_nobody_paid_for(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).most_make_ups = 2

    await pause(db, series_id, actor=CARA)
    await end(db, series_id, CARA)

    assert await fetch_all(db, select(CreditLot)) == []


async def test_a_lesson_skipped_by_itself_is_made_up_for_as_any_session(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).most_make_ups = 2

    await transact(db, one_lesson.skip, series_id, 0, CARA, GUILD, "", NOW)

    assert len(await fetch_all(db, select(CreditLot))) == 1


async def test_ending_at_once_keeps_the_sessions_for_others_to_decide(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    async with db.begin() as session:
        ending.end_now(session, await session.get_one(Series, series_id), None, "", NOW)

    await transact(db, make_more, series_id, MONDAY + 3 * WEEK)

    series = await fetch(db, Series, series_id)
    assert (series.status, series.ends_at, series.ended_by) == (SeriesStatus.ENDED, NOW, None)
    assert len(await lessons_of(db, series_id)) == 5


async def test_pauses_and_ends_are_in_the_audit_log(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await pause(db, series_id)
    await end(db, series_id)

    entries = await fetch_all(db, select(AuditEntry))
    assert [(one.action, one.details.get("weeks"), one.details.get("lessons")) for one in entries] == [
        ("series_paused", 2, None),
        ("series_ended", None, 2),
    ]
