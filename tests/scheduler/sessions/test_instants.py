"""Where two rules meet at an instant, they agree about it: one ends exactly where the other begins.

Each test tries every rule a microsecond before each edge, at it, and a microsecond after it.
"""

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Absent, CoachingSession, Guild, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.attendance import no_shows, outcomes
from scheduler.attendance import notifications as about_attendance
from scheduler.booking import booking, cancellation, holds, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError
from scheduler.notifications import reminders
from scheduler.notifications.kinds import NotificationContext
from scheduler.reports import session_history
from scheduler.reviews import notifications as about_reviews
from scheduler.reviews import reviews
from scheduler.rooms import extensions, in_room
from scheduler.rooms import notifications as about_rooms
from scheduler.rooms.extensions import Terms
from scheduler.sessions import lifecycle
from scheduler.sessions.lifecycle import Step
from tests.support.attended_sessions import CARA, ELEVEN, STU, TEN, Spell, a_meeting, at
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    STUDENT,
    a_server_with_a_coach,
    change_session,
)

MOMENT = timedelta(microseconds=1)
WEEK_OVER = ELEVEN + 7 * DAY
INSIDE: dict[str, list[Spell]] = {
    "both": [(COACH, -4, None), (STUDENT, -4, None)],
    "coach": [(COACH, -4, None)],
    "nobody": [],
}


def around(*edges: datetime) -> Iterator[datetime]:
    """Yield the moments just before each edge, at it and just after it."""
    for edge in sorted(edges):
        yield from (edge - MOMENT, edge, edge + MOMENT)


class _Undone(Exception):
    """Rolls a transaction back."""


async def works(db: Database, use_case: Callable[..., Awaitable[object]], *args: Any) -> bool:
    """Whether this is accepted. Undoes what it did."""
    try:
        async with db.begin() as session:
            await use_case(session, *args)
            raise _Undone
    except _Undone:
        return True
    except CoachingError:
        return False


def is_needed(
    declarations: Any, kind: NotificationKind, row: CoachingSession, guild: Guild, now: datetime, **of: Any
) -> bool:
    """Whether a message of this kind would still be sent."""
    [declared] = [one for one in declarations if one.kind is kind]
    about = Notification(kind=kind, guild_id=GUILD, user_id=STUDENT, **of)
    return declared.still_needed(NotificationContext(about, guild, session=row, details=False), now) is None


def is_due(row: CoachingSession, guild: Guild, step: Step, now: datetime) -> bool:
    """Whether the loop would do this step now."""
    others = frozenset(Step) - {step}
    due = lifecycle.next_step(row, guild, now, except_for=others)
    return due is not None and due.at <= now


STATES = list(product((SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS), INSIDE))


@pytest.mark.parametrize(("status", "inside"), STATES, ids=[f"{status}-{inside}" for status, inside in STATES])
async def test_a_session_is_ahead_running_or_over_for_every_rule(
    db: Database, status: SessionStatus, inside: str
) -> None:
    settings = {"cancel_notice_minutes": 60, "reminder_minutes": [60]}
    session_id = await a_meeting(db, *INSIDE[inside], guild=settings, status=status)
    seen = set()

    for now in around(TEN - HOUR, TEN, at(15), ELEVEN):
        reschedules = await works(db, rescheduling.find_reschedulable, session_id, STU, now)
        cancels = await works(db, cancellation.find_cancellable, session_id, STU, GUILD, now)
        endable = await works(db, in_room.find_endable, session_id, STU, now)
        ends = await works(db, in_room.end_early, session_id, STU, now)
        asks = await works(db, extensions.ask, session_id, STU, Terms(at(75), 0), now)
        repairs = await works(db, session_history.repair_room, GUILD, session_id, ADMIN, now)
        async with db.read() as session:
            row, guild = await stored(session, session_id)
            only_ends = await cancellation.can_only_be_ended(session, row, now)
            offered = await extensions.offer(session, row, guild, now) is not None
        started, over = lifecycle.has_started(row, now), lifecycle.is_over(row, now)
        running, is_scheduled = lifecycle.is_running(row, now), status is SessionStatus.SCHEDULED

        assert (not started) + running + over == 1, now
        assert reschedules is (is_scheduled and not started), now
        assert asks is running, now
        assert offered is not over, now
        assert endable is ends, now
        assert ends <= running, now
        assert cancels is not (over or only_ends), now
        assert only_ends <= ends, now
        assert (cancels or ends) is not over, now  # nobody is left without a way out
        assert repairs is not over, now
        assert is_due(row, guild, Step.START, now) is (is_scheduled and started), now
        assert is_due(row, guild, Step.FINISH, now) is (not is_scheduled and over), now
        assert is_needed(about_rooms.KINDS, NotificationKind.ROOM_OPEN, row, guild, now) is not over, now
        assert cancellation.is_late(row, guild, STU, now) is (now > TEN - HOUR), now
        if is_scheduled and now >= TEN - HOUR:
            lead = {"lead_minutes": 60, "due_at": TEN - HOUR}
            reminded = is_needed(reminders.KINDS, NotificationKind.SESSION_REMINDER, row, guild, now, **lead)
            assert reminded is not started, now
        seen.add((reschedules, cancels, ends, over))

    assert len(seen) > 2  # the edges were found


async def stored(session: AsyncSession, session_id: int) -> tuple[CoachingSession, Guild]:
    return await session.get_one(CoachingSession, session_id), await session.get_one(Guild, GUILD)


async def test_without_notice_a_student_is_late_from_the_start_on(db: Database) -> None:
    session_id = await a_meeting(db, guild={"cancel_notice_minutes": 0})

    async with db.read() as session:
        row, guild = await stored(session, session_id)

    for now in around(TEN):
        assert cancellation.is_late(row, guild, STU, now) is lifecycle.has_started(row, now), now


async def test_what_people_have_a_week_for_is_over_when_the_week_is(db: Database) -> None:
    session_id = await a_meeting(db, reserved=False, next_step_at=None)
    results = []

    async def is_asked(kind: NotificationKind, declarations: Any) -> bool:
        async with db.read() as session:
            return is_needed(declarations, kind, *await stored(session, session_id), now)

    for now in around(WEEK_OVER):
        completed = {"status": SessionStatus.COMPLETED, "absent": None, "missed_at": None}
        await change_session(db, session_id, **completed)
        found = [await works(db, reviews.review, session_id, STU, 5, now)]
        found.append(await works(db, no_shows.mark_no_show, session_id, CARA, now))
        found.append(await is_asked(NotificationKind.REVIEW_REQUEST, about_reviews.KINDS))
        await change_session(db, session_id, missed_at=ELEVEN)
        answer = outcomes.answer_whether_it_took_place
        found.append(await works(db, answer, session_id, STU, GUILD, True, now))
        found.append(await is_asked(NotificationKind.SESSION_MISSED, about_attendance.KINDS))
        await change_session(db, session_id, status=SessionStatus.NO_SHOW, absent=Absent.STUDENT)
        found.append(await works(db, no_shows.appeal, session_id, STU, "I was there.", now))
        results.append(found)

    assert results == [[True] * 6, [False] * 6, [False] * 6]


async def test_a_hold_keeps_a_time_from_others_exactly_until_it_expires(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        expires_at = (await holds.hold(session, guild, STU, COACH, ELEVEN, HOUR, TEN)).expires_at

    results = [await works(db, book, Actor(STUDENT + 1), now) for now in around(expires_at)]

    assert results == [False, True, True]


@pytest.mark.parametrize(("notice", "expected"), [(60, [True, True, False]), (0, [True, False, False])])
async def test_exactly_the_notice_is_enough_to_book_but_no_time_is_booked_at_its_start(
    db: Database, notice: int, expected: list[bool]
) -> None:
    await a_server_with_a_coach(db, minimum_notice_minutes=notice)

    results = [await works(db, book, STU, now) for now in around(ELEVEN - notice * MINUTE)]

    assert results == expected


async def book(session: AsyncSession, actor: Actor, now: datetime) -> None:
    """Book eleven o'clock."""
    guild = await session.get_one(Guild, GUILD)
    await booking.book(session, guild, actor, COACH, ELEVEN, HOUR, None, now)
