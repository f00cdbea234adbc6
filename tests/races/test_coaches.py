"""A coach changes while someone books them: whichever transaction comes second waits and sees the first's result.

So nobody ends up with a coach who can't coach, and whatever follows from the change reaches the session.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, Hold, Member, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.availability import free_times, schedule
from scheduler.booking import booking, departures, holds, membership_checks, rescheduling
from scheduler.booking.departures import Why
from scheduler.coaches import suspensions
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotBookable, NotFound, NotReviewable, SlotTaken, TooLate
from scheduler.notifications import outbox
from scheduler.reviews import reviews
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    change_session,
)
from tests.support.fakes import FakeDiscord
from tests.support.integrity import faults_of
from tests.support.parameters import first_plain
from tests.support.rounds import deliver_due
from tests.support.transactions import attempt, fetch, transact, until_blocked

CARA, SAM, STU = Actor(COACH), Actor(STUDENT + 1), Actor(STUDENT)
TUESDAY, LATER = MONDAY + DAY + 2 * HOUR, MONDAY + DAY + 4 * HOUR

Press = Callable[[AsyncSession], Awaitable[object]]


# Changes to a coach.


async def suspend(session: AsyncSession, *, keep: bool = False) -> object:
    return await suspensions.suspend(session, GUILD, COACH, ADMIN, "Complaints.", MONDAY, keep=keep)


async def leave(session: AsyncSession) -> object:
    return await departures.handle_departure(session, GUILD, COACH, Why.LEFT, MONDAY)


async def pause(session: AsyncSession) -> object:
    return await schedule.set_accepting(session, GUILD, CARA, False, MONDAY)


async def close_tuesdays(session: AsyncSession) -> list[int]:
    """Return the sessions that conflict with the new hours."""
    await schedule.set_hours(session, GUILD, CARA, [1], [], MONDAY)
    coach = await session.get_one(Coach, (GUILD, COACH))
    return [one.id for one in await free_times.conflicts(session, coach, MONDAY)]


# Ways to take their time.


async def book(session: AsyncSession) -> object:
    guild = await session.get_one(Guild, GUILD)
    return await booking.book(session, guild, SAM, COACH, LATER, HOUR, None, MONDAY)


async def hold(session: AsyncSession) -> object:
    guild = await session.get_one(Guild, GUILD)
    return await holds.hold(session, guild, SAM, COACH, LATER, HOUR, MONDAY)


async def reschedule(session: AsyncSession, *, session_id: int) -> object:
    return await rescheduling.reschedule(session, session_id, STU, LATER, "", MONDAY)


async def a_booked_tuesday(db: Database) -> int:
    """Book `COACH` for `STUDENT` on Tuesday morning, and return the session's id."""
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session)
        return (await booking.book(session, guild, STU, COACH, TUESDAY, HOUR, None, MONDAY)).id


async def overlap(db: Database, another: Database, first: Press, second: Press) -> object:
    """Begin the second when the first is done but not committed; return the second's result or refusal."""
    async with db.begin() as session:
        await first(session)
        pressed = asyncio.create_task(attempt(another, second))
        await until_blocked(db, pressed)
    return await pressed


@pytest.mark.parametrize(
    ("change", "take", "refusal"),
    first_plain(
        [
            (suspend, book, NotFound),
            (suspend, hold, NotFound),
            (suspend, reschedule, TooLate),
            (partial(suspend, keep=True), reschedule, NotFound),
            (leave, book, NotBookable),
            (leave, hold, NotBookable),
            (leave, reschedule, TooLate),
            (pause, book, NotBookable),
            (pause, hold, NotBookable),
            (close_tuesdays, book, SlotTaken),
            (close_tuesdays, hold, SlotTaken),
            (close_tuesdays, reschedule, SlotTaken),
        ],
        plain=4,
    ),
)
async def test_booking_a_coach_in_the_middle_of_a_change_sees_the_change(
    db: Database, another: Database, change: Press, take: Callable[..., Awaitable[object]], refusal: type
) -> None:
    session_id = await a_booked_tuesday(db)
    taking = partial(take, session_id=session_id) if take is reschedule else take

    outcome = await overlap(db, another, change, taking)

    assert type(outcome) is refusal
    assert await faults_of(db) == []


@pytest.mark.parametrize("take", [book, reschedule])
@pytest.mark.parametrize(
    ("change", "cancelled"), [(suspend, True), (leave, True), (partial(suspend, keep=True), False), (pause, False)]
)
async def test_a_coachs_change_reaches_the_session_being_booked_or_rescheduled(
    db: Database, another: Database, change: Press, cancelled: bool, take: Callable[..., Awaitable[object]]
) -> None:
    session_id = await a_booked_tuesday(db)
    taking = partial(take, session_id=session_id) if take is reschedule else take

    outcome = await overlap(db, another, taking, change)

    assert not isinstance(outcome, CoachingError)
    assert await faults_of(db) == []
    newest = await fetch(db, CoachingSession, session_id + (take is book))
    assert newest.starts_at == LATER
    assert newest.status is (SessionStatus.CANCELLED if cancelled else SessionStatus.SCHEDULED)


async def test_changed_hours_conflict_with_the_session_being_booked(db: Database, another: Database) -> None:
    session_id = await a_booked_tuesday(db)

    assert await overlap(db, another, book, close_tuesdays) == [session_id, session_id + 1]


async def test_a_coach_found_to_have_left_during_a_booking_is_hidden(db: Database, another: Database) -> None:
    await a_booked_tuesday(db)
    discord = FakeDiscord()
    discord.gone.add(COACH)

    async with db.begin() as session:
        await book(session)
        checking = asyncio.create_task(membership_checks.check(another, discord, FakeClock(), GUILD, COACH))
        await until_blocked(db, checking)
    assert await checking

    assert await faults_of(db) == []
    assert (await fetch(db, Coach, (GUILD, COACH))).left_at == MONDAY


async def test_a_hold_taken_during_a_suspension_is_released_and_cannot_be_booked(
    db: Database, another: Database
) -> None:
    await a_booked_tuesday(db)

    await overlap(db, another, hold, suspend)

    async with db.begin() as session:
        assert list(await session.scalars(select(Hold))) == []
        with pytest.raises(NotFound):
            await book(session)


async def test_a_review_and_a_suspension_at_once_do_not_deadlock(db: Database, another: Database) -> None:
    session_id = await a_booked_tuesday(db)
    await change_session(db, session_id, starts_at=MONDAY - HOUR, ends_at=MONDAY + HOUR)

    async def review(session: AsyncSession) -> object:
        return await reviews.review(session, session_id, STU, 5, MONDAY)

    for number in range(5):
        async with db.begin() as session:
            coach = await session.get_one(Coach, (GUILD, COACH), with_for_update=True)
            both = [
                asyncio.create_task(attempt(another, review)),
                asyncio.create_task(attempt(another, suspend, keep=True)),
            ]
            await until_blocked(db, *both)
            coach.bio = f"I mix {number}."
        assert [type(one) for one in await asyncio.gather(*both)] == [NotReviewable, int]
        await transact(db, suspensions.reinstate, GUILD, COACH, ADMIN, MONDAY)


@pytest.mark.parametrize("engine_name", ["postgres"])
async def test_a_reminder_sent_while_its_session_is_rescheduled_does_not_deadlock(
    db: Database, another: Database
) -> None:
    session_id = await a_booked_tuesday(db)
    a_day_before = TUESDAY - DAY
    await deliver_due(db, FakeDiscord(), FakeClock())
    async with db.begin() as session:
        for user_id in (COACH, STUDENT):
            (await session.get_one(Member, user_id)).dms_closed_at = MONDAY

    async with db.begin() as session:
        await members.lock(session, COACH, STUDENT)
        delivering = asyncio.create_task(deliver_due(another, FakeDiscord(), FakeClock(a_day_before)))
        await until_blocked(db, delivering)
        await outbox.drop(session, session_id, [NotificationKind.SESSION_REMINDER], "rescheduled", a_day_before)

    assert (await delivering).failed == 0
    assert (await fetch(db, Member, STUDENT)).dms_closed_at is None
