"""One lesson: skipping it, cancelling it as any session, and bringing it back. The others never change."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Closure, Guild, Lesson, NotificationKind, SessionStatus, SkipReason
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, NotBookable, NotFound, TooLate
from scheduler.series.changes import ending, one_lesson
from tests.support.bookings import CARA, SAM, STU, TEN, also_booked, enqueued
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MONDAY, STUDENT, a_server_with_a_coach, refusal
from tests.support.series import ALesson, a_series, a_weekly_pair, lessons_of, make_more
from tests.support.stored import reservations, session_now
from tests.support.time_off import a_closure
from tests.support.transactions import fetch, fetch_all, transact

WEEK = timedelta(weeks=1)
SECOND = TEN + WEEK


async def skip(db: Database, series_id: int, occurrence: int = 1, actor: Actor = STU) -> None:
    await transact(db, one_lesson.skip, series_id, occurrence, actor, GUILD, "On holiday.", MONDAY + HOUR)


async def bring_back(db: Database, series_id: int, occurrence: int = 1, actor: Actor = STU) -> None:
    await transact(db, one_lesson.bring_back, series_id, occurrence, actor, GUILD, MONDAY + 2 * HOUR)


def coming_back(
    series_id: int, occurrence: int, actor: Actor, now: datetime = MONDAY + 2 * HOUR
) -> Callable[[AsyncSession], Awaitable[Lesson]]:
    """Return the use case, to be refused."""
    return lambda session: one_lesson.bring_back(session, series_id, occurrence, actor, GUILD, now)


@pytest.mark.parametrize("actor", [STU, CARA, ADMIN])
async def test_skipping_one_lesson_leaves_the_others_alone(db: Database, actor: Actor) -> None:
    series_id = await a_weekly_pair(db)
    before = await lessons_of(db, series_id)

    await skip(db, series_id, actor=actor)

    after = await lessons_of(db, series_id)
    assert after == [before[0], ALesson(1, SECOND, SkipReason.BY_HAND), *before[2:]]
    lesson = await fetch(db, Lesson, (series_id, 1))
    assert lesson.session_id is not None
    cancelled = await session_now(db, lesson.session_id)
    assert (cancelled.status, cancelled.cancelled_by) == (SessionStatus.CANCELLED, actor.user_id)
    assert await enqueued(db) == [
        (NotificationKind.SESSION_CANCELLED, user_id, MONDAY + HOUR) for user_id in (STUDENT, COACH)
    ]


async def test_cancelling_a_lesson_in_sessions_skips_it_too(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    lesson = await fetch(db, Lesson, (series_id, 1))
    assert lesson.session_id is not None

    await transact(db, cancellation.cancel, lesson.session_id, STU, GUILD, "", MONDAY + HOUR)

    assert (await lessons_of(db, series_id))[1] == ALesson(1, SECOND, SkipReason.BY_HAND)


async def test_a_skipped_lesson_stays_skipped(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await skip(db, series_id)

    await transact(db, make_more, series_id, MONDAY + 20 * DAY)

    assert (await lessons_of(db, series_id))[1] == ALesson(1, SECOND, SkipReason.BY_HAND)


async def test_nobody_else_can_skip_a_lesson_and_nobody_twice(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    def skipping(actor: Actor, guild_id: int | None) -> Callable[[AsyncSession], Awaitable[Lesson]]:
        return lambda session: one_lesson.skip(session, series_id, 1, actor, guild_id, "", MONDAY)

    await refusal(db, NotFound, skipping(SAM, GUILD))
    await refusal(db, NotFound, skipping(ADMIN, None))
    await skip(db, series_id)
    await refusal(db, TooLate, skipping(STU, GUILD))


async def test_a_student_who_skips_without_notice_is_late(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).cancel_notice_minutes = 24 * 60

    await skip(db, series_id, 0)

    lesson = await fetch(db, Lesson, (series_id, 0))
    assert lesson.session_id is not None
    assert (await session_now(db, lesson.session_id)).student.cancelled_late


@pytest.mark.parametrize("actor", [STU, CARA, ADMIN])
async def test_a_skipped_lesson_comes_back_while_its_time_is_free(db: Database, actor: Actor) -> None:
    series_id = await a_weekly_pair(db)
    before = await lessons_of(db, series_id)
    skipped = (await fetch(db, Lesson, (series_id, 1))).session_id
    await skip(db, series_id, actor=actor)

    await bring_back(db, series_id, actor=actor)

    assert await lessons_of(db, series_id) == before
    lesson = await fetch(db, Lesson, (series_id, 1))
    assert lesson.session_id not in (None, skipped)
    back = await session_now(db, lesson.session_id or 0)
    assert (back.status, back.student.total_cost_minor) == (SessionStatus.SCHEDULED, 6000)
    taken = [(user_id, SECOND, SECOND + HOUR) for user_id in (COACH, STUDENT)]
    assert [one for one in await reservations(db) if one[1] == SECOND] == taken
    told = [one for one in await enqueued(db) if one[0] is NotificationKind.LESSON_BACK]
    assert told == [(NotificationKind.LESSON_BACK, one, MONDAY + 2 * HOUR) for one in (STUDENT, COACH)]


async def test_only_who_skipped_a_lesson_brings_it_back(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await skip(db, series_id, 1, CARA)
    await skip(db, series_id, 2, STU)

    refused = await refusal(db, NotAllowed, coming_back(series_id, 1, STU))
    assert "Only your coach" in str(refused)
    refused = await refusal(db, NotAllowed, coming_back(series_id, 2, CARA))
    assert "Only your student" in str(refused)


async def test_a_lesson_that_nobody_skipped_does_not_come_back(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await refusal(db, TooLate, coming_back(series_id, 1, STU))


async def test_a_lesson_does_not_come_back_once_its_time_is_taken(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await skip(db, series_id)
    await also_booked(db, SECOND, SAM)

    refused = await refusal(db, NotBookable, coming_back(series_id, 1, STU))

    assert str(refused) == "One of you has something else at that time. This lesson stays skipped."


async def test_a_lesson_does_not_come_back_on_a_closed_day(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await skip(db, series_id)
    await transact(db, a_closure, SECOND.date())

    refused = await refusal(db, NotBookable, coming_back(series_id, 1, STU))

    assert "closed" in str(refused)


async def test_a_lesson_does_not_come_back_when_its_time_has_passed(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await skip(db, series_id)

    await refusal(db, TooLate, coming_back(series_id, 1, STU, SECOND))


async def test_what_the_bot_skipped_the_coach_brings_back(db: Database) -> None:
    await a_server_with_a_coach(db)
    closure = await transact(db, a_closure, SECOND.date())
    series_id = (await transact(db, a_series)).id
    async with db.begin() as session:
        (await session.get_one(Closure, closure.id)).lifted_at = MONDAY

    await refusal(db, NotAllowed, coming_back(series_id, 1, STU))
    await bring_back(db, series_id, actor=CARA)

    assert (await lessons_of(db, series_id))[1] == ALesson(1, SECOND)


async def test_a_lesson_does_not_come_back_after_the_end(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await skip(db, series_id, 2)
    await transact(db, ending.end, series_id, CARA, GUILD, "", MONDAY + HOUR)

    await refusal(db, TooLate, coming_back(series_id, 2, STU))


async def test_skipping_and_bringing_back_are_in_the_audit_log(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await skip(db, series_id)
    await bring_back(db, series_id)

    actions = [one.action for one in await fetch_all(db, select(AuditEntry))]

    assert actions == ["session_cancelled", "lesson_brought_back"]
