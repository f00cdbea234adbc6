"""A coach changes, or is changed, while somebody takes their time: each in flight before the other.

What comes second waits for the first, and finds what that one has left. So no session comes about, or goes to
another time, with a coach who may not coach, and whatever follows from the change sees the session.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, Hold, Member, SessionStatus
from models.storage.database import Database
from scheduler.availability import free_times, schedule
from scheduler.booking import booking, departures, holds, membership_checks, rescheduling
from scheduler.booking.departures import Why
from scheduler.coaches import suspensions
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotBookable, NotFound, NotReviewable, SlotTaken, TooLate
from scheduler.notifications import reminders
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
from tests.support.rounds import deliver_due
from tests.support.transactions import fetch, transact

CARA, SAM, STU = Actor(COACH), Actor(STUDENT + 1), Actor(STUDENT)
TUESDAY, LATER = MONDAY + DAY + 2 * HOUR, MONDAY + DAY + 4 * HOUR

Press = Callable[[AsyncSession], Awaitable[object]]


@pytest.fixture
async def another(db: Database, database_url: str) -> AsyncIterator[Database]:
    """The same database as another process has it open."""
    opened = Database(database_url)
    yield opened
    await opened.close()


# What changes a coach.


async def suspend(session: AsyncSession, *, keep: bool = False) -> object:
    return await suspensions.suspend(session, GUILD, COACH, ADMIN, "Complaints.", MONDAY, keep=keep)


async def leave(session: AsyncSession) -> object:
    return await departures.handle_departure(session, GUILD, COACH, Why.LEFT, MONDAY)


async def pause(session: AsyncSession) -> object:
    return await schedule.set_accepting(session, GUILD, CARA, False, MONDAY)


async def close_tuesdays(session: AsyncSession) -> list[int]:
    """Gives back which sessions the coach is told of as lying outside the new hours."""
    coach = await schedule.set_hours(session, GUILD, CARA, [1], [], MONDAY)
    return [one.id for one in await free_times.conflicts(session, coach, MONDAY)]


# What takes their time.


async def book(session: AsyncSession) -> object:
    guild = await session.get_one(Guild, GUILD)
    return await booking.book(session, guild, SAM, COACH, LATER, HOUR, None, MONDAY)


async def hold(session: AsyncSession) -> object:
    guild = await session.get_one(Guild, GUILD)
    return await holds.hold(session, guild, SAM, COACH, LATER, HOUR, MONDAY)


async def move(session: AsyncSession, *, session_id: int, to: datetime = LATER) -> object:
    return await rescheduling.reschedule(session, session_id, STU, to, "", MONDAY)


async def a_booked_tuesday(db: Database) -> int:
    """`STUDENT` has booked `COACH` for Tuesday morning; gives back the session's id."""
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session)
        return (await booking.book(session, guild, STU, COACH, TUESDAY, HOUR, None, MONDAY)).id


async def somebody_waits(db: Database) -> bool:
    """Whether a transaction waits for another one. On SQLite the second cannot even begin."""
    if db.is_sqlite:
        return True
    async with db.read() as session:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(await session.scalar(text(waiting)))


class Ended(NamedTuple):
    """What the second of two got, or with what it was refused."""

    gave: object = None
    refused: CoachingError | None = None


async def one_after_the_other(db: Database, another: Database, first: Press, second: Press) -> Ended:
    """The first is in flight, all done but not committed, when the second begins."""

    async def attempt() -> Ended:
        try:
            async with another.begin() as session:
                return Ended(gave=await second(session))
        except CoachingError as refused:
            return Ended(refused=refused)

    async with db.begin() as session:
        await first(session)
        pressed = asyncio.create_task(attempt())
        async with asyncio.timeout(30):
            while not await somebody_waits(db):
                assert not pressed.done(), "it did not wait"
    return await pressed


@pytest.mark.parametrize(
    ("change", "take", "refusal"),
    [
        (suspend, book, NotFound),
        (suspend, hold, NotFound),
        (suspend, move, TooLate),
        (partial(suspend, keep=True), move, NotFound),
        (leave, book, NotBookable),
        (leave, hold, NotBookable),
        (leave, move, TooLate),
        (pause, book, NotBookable),
        (pause, hold, NotBookable),
        (close_tuesdays, book, SlotTaken),
        (close_tuesdays, hold, SlotTaken),
        (close_tuesdays, move, SlotTaken),
    ],
)
async def test_who_takes_a_coachs_time_while_the_coach_is_being_changed_finds_them_changed(
    db: Database, another: Database, change: Press, take: Callable[..., Awaitable[object]], refusal: type
) -> None:
    session_id = await a_booked_tuesday(db)
    taking = partial(take, session_id=session_id) if take is move else take

    ended = await one_after_the_other(db, another, change, taking)

    assert type(ended.refused) is refusal, ended
    assert await faults_of(db) == []


@pytest.mark.parametrize("take", [book, move])
@pytest.mark.parametrize(
    ("change", "cancelled"), [(suspend, True), (leave, True), (partial(suspend, keep=True), False), (pause, False)]
)
async def test_what_follows_from_a_coachs_change_reaches_the_session_that_was_being_booked_or_moved(
    db: Database, another: Database, change: Press, cancelled: bool, take: Callable[..., Awaitable[object]]
) -> None:
    session_id = await a_booked_tuesday(db)
    taking = partial(take, session_id=session_id) if take is move else take

    ended = await one_after_the_other(db, another, taking, change)

    assert ended.refused is None
    assert await faults_of(db) == []
    newest = await fetch(db, CoachingSession, session_id + (take is book))
    assert newest.starts_at == LATER
    assert newest.status is (SessionStatus.CANCELLED if cancelled else SessionStatus.SCHEDULED)


async def test_a_coach_who_changes_hours_is_told_of_the_session_that_was_being_booked(
    db: Database, another: Database
) -> None:
    session_id = await a_booked_tuesday(db)

    ended = await one_after_the_other(db, another, book, close_tuesdays)

    assert ended.gave == [session_id, session_id + 1]


async def test_a_coach_who_is_found_gone_while_somebody_books_is_refused_and_hidden(
    db: Database, another: Database
) -> None:
    await a_booked_tuesday(db)
    discord = FakeDiscord()
    discord.gone.add(COACH)

    async with db.begin() as session:
        await book(session)
        looking = asyncio.create_task(membership_checks.check(another, discord, FakeClock(), GUILD, COACH))
        async with asyncio.timeout(30):
            while not await somebody_waits(db):
                assert not looking.done(), "it did not wait"
    assert await looking

    assert await faults_of(db) == []
    assert (await fetch(db, Coach, (GUILD, COACH))).left_at == MONDAY


async def test_a_hold_that_is_under_way_when_its_coach_is_suspended_does_not_become_a_session(
    db: Database, another: Database
) -> None:
    await a_booked_tuesday(db)

    await one_after_the_other(db, another, hold, suspend)

    async with db.begin() as session:
        assert (await session.scalars(select(Hold))).one().student_id == SAM.user_id
        with pytest.raises(NotFound):
            await book(session)


async def test_a_review_and_a_suspension_at_once_do_not_wait_in_a_circle(db: Database, another: Database) -> None:
    session_id = await a_booked_tuesday(db)
    await change_session(db, session_id, starts_at=MONDAY - HOUR, ends_at=MONDAY + HOUR)

    async def review(session: AsyncSession) -> object:
        return await reviews.review(session, session_id, STU, 5, MONDAY)

    async def attempt(database: Database, press: Press) -> str:
        try:
            async with database.begin() as session:
                await press(session)
        except NotReviewable:
            return "not reviewable"
        return "done"

    for number in range(5):
        async with db.begin() as session:
            coach = await session.get_one(Coach, (GUILD, COACH), with_for_update=True)
            both = [
                asyncio.create_task(attempt(another, review)),
                asyncio.create_task(attempt(another, partial(suspend, keep=True))),
            ]
            async with asyncio.timeout(30):
                while not await somebody_waits(db):
                    assert not all(one.done() for one in both)
            coach.bio = f"I mix {number}."
        assert await asyncio.gather(*both) == ["not reviewable", "done"]
        await transact(db, suspensions.reinstate, GUILD, COACH, ADMIN, MONDAY)


@pytest.mark.parametrize("engine_name", ["postgres"])
async def test_a_reminder_that_goes_out_while_its_session_is_moved_does_not_wait_in_a_circle(
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
        async with asyncio.timeout(30):
            while not await somebody_waits(db):
                assert not delivering.done(), "it did not wait"
        await reminders.drop(session, session_id, a_day_before, "the session was rescheduled")

    assert (await delivering).failed == 0
    assert (await fetch(db, Member, STUDENT)).dms_closed_at is None
