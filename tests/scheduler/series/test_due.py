"""What the loop does with series: lessons in time, each series by itself, and one message when it catches up."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from models import (
    CoachingSession,
    Lesson,
    Notification,
    NotificationKind,
    Reservation,
    Series,
    SeriesStatus,
    SessionStatus,
    SkipReason,
)
from models.storage.database import Database
from scheduler.core.task_pool import TaskPool
from scheduler.series import due
from tests.support.bookings import TEN
from tests.support.builders import (
    COACH,
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_server_with_a_coach,
)
from tests.support.fakes import FakeDiscord
from tests.support.integrity import faults_of
from tests.support.mortal import Died, Doom, MortalDatabase, doomed_statements
from tests.support.parameters import first_plain
from tests.support.rounds import tick
from tests.support.series import FIRST_DAY, ALesson, a_series, a_weekly_pair, lessons_of
from tests.support.stored import notifications
from tests.support.time_off import a_closure
from tests.support.transactions import fetch, fetch_all, query, transact

WEEK = timedelta(weeks=1)


async def do_due(db: Any, now: datetime) -> int:
    """Do what's due with series, and return how much failed."""
    return await due.do_due(db, FakeClock(now), TaskPool(wait_for_slow=True))


def skips(*user_ids: int) -> list[tuple[int | None, NotificationKind]]:
    return [(user_id, NotificationKind.LESSONS_SKIPPED) for user_id in user_ids]


async def told(db: Database) -> list[tuple[int | None, NotificationKind]]:
    """Return who was told what, except reminders."""
    others = Notification.kind != NotificationKind.SESSION_REMINDER
    return [(one.user_id, one.kind) for one in await notifications(db, others)]


async def test_a_tick_makes_lessons_when_the_horizon_comes_near_and_says_nothing(db: Database) -> None:
    series_id = await a_weekly_pair(db, first_day=FIRST_DAY + WEEK)
    clock = FakeClock((await fetch(db, Series, series_id)).next_step_at or MONDAY)

    report = await tick(db, FakeDiscord(), clock)

    assert report is not None
    assert report.next_due_at is not None
    assert len(await lessons_of(db, series_id)) == 5
    assert await told(db) == []


async def test_a_lesson_on_a_closed_day_is_told_once_to_each_long_before(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await transact(db, a_closure, FIRST_DAY + 5 * WEEK)

    await do_due(db, MONDAY + WEEK)
    await do_due(db, MONDAY + 2 * WEEK)

    assert (await lessons_of(db, series_id))[5].skipped is SkipReason.CLOSED
    assert await told(db) == skips(STUDENT, COACH)


async def test_one_that_fails_holds_up_no_other_and_is_tried_again(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        ids = [(await a_series(session, start_minute=hour * 60, student_id=STUDENT + hour)).id for hour in (8, 10)]
    doomed = MortalDatabase(db, Doom(left=0, only_fails=True))

    assert await do_due(doomed, MONDAY + WEEK) == 1
    assert [len(await lessons_of(db, one)) for one in ids] == [5, 6]

    assert await do_due(db, MONDAY + WEEK) == 0
    assert [len(await lessons_of(db, one)) for one in ids] == [6, 6]


async def test_a_series_ends_after_its_last_lesson(db: Database) -> None:
    series_id = await a_weekly_pair(db, lesson_count=1)

    await do_due(db, TEN + HOUR - MINUTE)
    assert (await fetch(db, Series, series_id)).status is SeriesStatus.ACTIVE

    await do_due(db, TEN + HOUR)
    assert (await fetch(db, Series, series_id)).status is SeriesStatus.ENDED


async def test_a_request_lapses_in_the_loop(db: Database) -> None:
    await a_server_with_a_coach(db)
    series = await transact(
        db, a_series, status=SeriesStatus.REQUESTED, next_step_at=MONDAY + HOUR, answer_by=MONDAY + HOUR
    )

    await do_due(db, MONDAY + HOUR)

    found = await fetch(db, Series, series.id)
    assert (found.status, found.next_step_at) == (SeriesStatus.LAPSED, None)


async def test_after_three_weeks_off_it_catches_up_with_one_message_a_person(db: Database) -> None:
    """The coach can be booked for a day ahead only, so that lessons of all three weeks are missing."""
    await a_server_with_a_coach(db, horizon_days=1)
    students = range(STUDENT, STUDENT + 4)
    async with db.begin() as session:
        ids = [
            (await a_series(session, start_minute=(10 + number) * 60, student_id=student)).id
            for number, student in enumerate(students)
        ]
    back_at = MONDAY + 3 * WEEK + DAY

    for minutes in range(3):
        await do_due(db, back_at + minutes * MINUTE)

    for number, series_id in enumerate(ids):
        missed = [ALesson(n, TEN + n * WEEK + number * HOUR, SkipReason.MISSED) for n in (1, 2, 3)]
        assert (await lessons_of(db, series_id))[1:] == missed
    assert sorted(await told(db), key=str) == sorted(skips(COACH, *students), key=str)
    message = (await notifications(db, Notification.user_id == COACH, Notification.session_id.is_(None)))[0]
    assert message.due_at == back_at + 5 * MINUTE


async def test_what_was_made_before_it_went_off_takes_place_or_is_asked_about(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    clock = FakeClock(MONDAY + 3 * WEEK + DAY)

    for _ in range(5):
        await tick(db, FakeDiscord(), clock, unwatched=dict)
        clock.forward(MINUTE)

    assert len(await lessons_of(db, series_id)) == 8
    upcoming = CoachingSession.status == SessionStatus.SCHEDULED
    assert len(await fetch_all(db, select(CoachingSession).where(upcoming))) == 4
    each = select(func.count()).where(Notification.kind == NotificationKind.LESSONS_SKIPPED)
    assert await query(db, lambda session: session.scalar(each)) == 0


@pytest.mark.parametrize("stride", first_plain([4, 1]))
async def test_whichever_statement_the_process_dies_at_each_lesson_is_made_once(db: Database, stride: int) -> None:
    await a_server_with_a_coach(db, horizon_days=7)
    async with db.begin() as session:
        await a_closure(session, FIRST_DAY + 3 * WEEK)
        ids = [(await a_series(session, start_minute=hour * 60, student_id=STUDENT + hour)).id for hour in (9, 10)]
    now, deaths, doom = MONDAY, 0, Doom()
    for step in range(0, 200, stride):
        now += WEEK
        doom.begin(step)
        died = False
        with doomed_statements(db, doom):
            try:
                await do_due(db, now)
            except (Died, BaseExceptionGroup):
                died = True
        doom.begin(None)
        deaths += died
        assert await do_due(db, now) == 0
        for series_id in ids:
            made = [one.occurrence for one in await lessons_of(db, series_id)]
            assert made == list(range(len(made)))
            assert len(made) == step // stride + 3
        if not died:
            break
    assert deaths > 10 // stride
    sessions = await fetch_all(db, select(CoachingSession))
    lessons = await fetch_all(db, select(Lesson))
    assert sorted(one.id for one in sessions) == sorted(one.session_id for one in lessons if one.session_id)
    reserved = select(func.count()).select_from(Reservation)
    assert await query(db, lambda session: session.scalar(reserved)) == 2 * len(sessions)
    assert await faults_of(db) == []
    assert len([one for one in await told(db) if one == (COACH, NotificationKind.LESSONS_SKIPPED)]) == 1
