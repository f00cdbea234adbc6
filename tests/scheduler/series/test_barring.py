"""What becomes of running weekly lessons when one of the two is blocked, suspended, or leaves."""

import pytest
from sqlalchemy import select

from models import (
    BlockedFrom,
    CoachingSession,
    Notification,
    NotificationKind,
    Series,
    SeriesStatus,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import blocks, departures
from scheduler.booking.departures import Why
from scheduler.coaches import suspensions
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_server_with_a_coach,
    a_session,
)
from tests.support.series import a_series
from tests.support.transactions import fetch, fetch_all, transact


async def running(db: Database, *, keeps: bool = False) -> int:
    """Open a server with weekly lessons of `COACH` and `STUDENT`, and return their id."""
    await a_server_with_a_coach(db, guild={"keep_after_departure": keeps})
    return (await transact(db, a_series)).id


async def told(db: Database) -> dict[str, list[int | None]]:
    """Return who is sent what, reminders aside."""
    sent: dict[str, list[int | None]] = {}
    for one in await fetch_all(db, select(Notification).where(Notification.due_at.is_not(None))):
        if one.kind is not NotificationKind.SESSION_REMINDER:
            sent.setdefault(one.kind, []).append(one.user_id)
    return sent


async def statuses(db: Database) -> set[SessionStatus]:
    return {one.status for one in await fetch_all(db, select(CoachingSession))}


async def test_a_student_who_leaves_ends_their_lessons_with_one_message(db: Database) -> None:
    series_id = await running(db)

    await transact(db, departures.handle_departure, GUILD, STUDENT, Why.LEFT, MONDAY)

    ended = await fetch(db, Series, series_id)
    assert (ended.status, ended.next_step_at) == (SeriesStatus.ENDED, None)
    assert await statuses(db) == {SessionStatus.CANCELLED}
    assert await told(db) == {NotificationKind.SERIES_ENDED: [COACH]}


async def test_lessons_that_are_kept_are_told_of_in_the_same_message(db: Database) -> None:
    await running(db, keeps=True)

    for now in (MONDAY, MONDAY + HOUR):
        await transact(db, departures.handle_departure, GUILD, STUDENT, Why.LEFT, now)

    assert await statuses(db) == {SessionStatus.SCHEDULED}
    assert await told(db) == {NotificationKind.SERIES_ENDED: [COACH]}


async def test_a_suspended_coach_gives_no_lessons_and_their_other_sessions_are_told_of_as_usual(
    db: Database,
) -> None:
    series_id = await running(db)
    async with db.begin() as session:
        await a_session(session, starts_at=MONDAY + DAY, student_id=STUDENT + 1)

    await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "No.", MONDAY)

    assert (await fetch(db, Series, series_id)).status is SeriesStatus.ENDED
    sent = await told(db)
    assert sent[NotificationKind.SERIES_ENDED] == [STUDENT]
    assert sorted(one or 0 for one in sent[NotificationKind.SESSION_CANCELLED]) == [COACH, STUDENT + 1]


async def test_a_block_ends_the_lessons_and_leaves_what_is_booked_to_the_admin(db: Database) -> None:
    series_id = await running(db)

    await transact(db, blocks.block, GUILD, STUDENT, ADMIN, [BlockedFrom.BOOKING], "", MONDAY)

    assert (await fetch(db, Series, series_id)).status is SeriesStatus.ENDED
    assert await statuses(db) == {SessionStatus.SCHEDULED}
    assert await told(db) == {NotificationKind.SERIES_ENDED: [COACH]}


@pytest.mark.parametrize("barred", [STUDENT + 1, COACH + 1])
async def test_lessons_of_others_go_on(db: Database, barred: int) -> None:
    series_id = await running(db)

    await transact(db, departures.handle_departure, GUILD, barred, Why.LEFT, MONDAY)

    assert (await fetch(db, Series, series_id)).status is SeriesStatus.ACTIVE


async def test_whoever_leaves_after_a_block_has_each_remaining_lesson_cancelled_with_a_message(
    db: Database,
) -> None:
    await running(db)
    await transact(db, blocks.block, GUILD, STUDENT, ADMIN, [BlockedFrom.BOOKING], "", MONDAY)

    await transact(db, departures.handle_departure, GUILD, STUDENT, Why.LEFT, MONDAY + HOUR)

    cancelled = len(await fetch_all(db, select(CoachingSession)))
    assert (await told(db))[NotificationKind.SESSION_CANCELLED] == [COACH] * cancelled
