"""Rescheduling at the same moment as other rescheduling, bookings and cancellations."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Reservation, SessionStatus
from models.storage.database import Database
from scheduler.booking import booking as bookings
from scheduler.booking.cancellation import cancel
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, SlotTaken, TooLate
from tests.support.bookings import CARA, LATER, SAM, TEN, TWELVE, also_booked, booked, enqueued, rescheduling_to
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach
from tests.support.stored import reservations, session_now
from tests.support.transactions import attempt, transact

pytestmark = pytest.mark.slow

Press = Callable[[AsyncSession], Awaitable[CoachingSession]]
Outcome = CoachingSession | CoachingError


def book(actor: Actor, starts_at: datetime, coach_id: int = COACH) -> Press:
    async def press(session: AsyncSession) -> CoachingSession:
        guild = await session.get_one(Guild, GUILD)
        return await bookings.book(session, guild, actor, coach_id, starts_at, HOUR, None, LATER)

    return press


def cancelled_by_coach(session_id: int) -> Press:
    return partial(cancel, session_id=session_id, actor=Actor(COACH), guild_id=GUILD, reason="", now=LATER)


def won(outcomes: Sequence[Outcome]) -> list[CoachingSession]:
    return [one for one in outcomes if isinstance(one, CoachingSession)]


async def check_reservations(db: Database) -> None:
    """Check that only upcoming sessions have reservations, two each, and that nobody's overlap."""
    async with db.read() as session:
        upcoming = CoachingSession.status == SessionStatus.SCHEDULED
        sessions = list(await session.scalars(select(CoachingSession).where(upcoming)))
        rows = list(
            await session.scalars(select(Reservation).order_by(Reservation.user_id, Reservation.starts_at))
        )
    assert sorted((one.session_id, one.user_id, one.starts_at, one.ends_at) for one in rows) == sorted(
        (one.id, user_id, one.starts_at, one.ends_at)
        for one in sessions
        for user_id in (one.coach_id, one.student_id)
    )
    assert all(one.ends_at <= two.starts_at for one, two in pairwise(rows) if one.user_id == two.user_id)


async def test_rescheduling_to_a_time_being_booked_has_one_winner(db: Database, another: Database) -> None:
    session_id = await booked(db)

    for day in range(1, 5):
        target = TEN + day * DAY
        outcomes = await asyncio.gather(
            *(attempt(another, book(Actor(100 + n), target)) for n in range(2)),
            attempt(db, rescheduling_to(session_id, target)),
            *(attempt(db, book(Actor(200 + n), target + 30 * MINUTE)) for n in range(2)),
        )

        assert all(isinstance(one, CoachingSession | SlotTaken) for one in outcomes)
        assert len(won(outcomes)) == 1
        await check_reservations(db)


async def test_two_sessions_rescheduled_to_one_time_have_one_winner(db: Database, another: Database) -> None:
    first, second = await booked(db), await also_booked(db, TWELVE)

    for day in range(1, 5):
        target = TEN + day * DAY
        outcomes = await asyncio.gather(
            attempt(db, rescheduling_to(first, target)),
            attempt(another, rescheduling_to(second, target + 30 * MINUTE, SAM)),
        )

        assert len(won(outcomes)) == 1
        assert len([one for one in outcomes if isinstance(one, SlotTaken)]) == 1
        await check_reservations(db)


async def test_two_sessions_cannot_swap_times_at_once(db: Database, another: Database) -> None:
    first, second = await booked(db), await also_booked(db, TWELVE)

    outcomes = await asyncio.gather(
        attempt(db, rescheduling_to(first, TWELVE)), attempt(another, rescheduling_to(second, TEN, SAM))
    )

    assert [type(one) for one in outcomes] == [SlotTaken, SlotTaken]
    await check_reservations(db)


async def test_student_and_coach_who_reschedule_at_once_do_so_in_turn(db: Database, another: Database) -> None:
    session_id = await booked(db)
    targets = {TEN + DAY, TWELVE + DAY}

    outcomes = await asyncio.gather(
        attempt(db, rescheduling_to(session_id, TEN + DAY)),
        attempt(another, rescheduling_to(session_id, TWELVE + DAY, CARA, reason="Ill.")),
    )

    moved = await session_now(db, session_id)
    assert len(won(outcomes)) == 2
    assert moved.rescheduled_from is not None
    assert {moved.starts_at, moved.rescheduled_from} == targets
    assert [user_id for _, user_id, _ in await enqueued(db)] == [STUDENT, COACH]  # one each, about the newest time
    await check_reservations(db)


async def test_a_double_click_reschedules_once(db: Database) -> None:
    session_id = await booked(db)

    outcomes = await asyncio.gather(*(attempt(db, rescheduling_to(session_id, TWELVE)) for _ in range(5)))

    assert len(won(outcomes)) == 5
    assert (await session_now(db, session_id)).rescheduled_from == TEN
    assert len(await enqueued(db)) == 2


async def test_a_session_cancelled_while_rescheduled_is_cancelled(db: Database, another: Database) -> None:
    session_id = await booked(db)

    moved, cancelled = await asyncio.gather(
        attempt(db, rescheduling_to(session_id, TWELVE)), attempt(another, cancelled_by_coach(session_id))
    )

    assert isinstance(moved, CoachingSession | TooLate)
    assert isinstance(cancelled, CoachingSession)
    assert (await session_now(db, session_id)).status is SessionStatus.CANCELLED
    assert await reservations(db) == []


async def test_rescheduling_frees_the_old_time_only_once_it_succeeded(db: Database, another: Database) -> None:
    session_id = await booked(db)

    moved, taken = await asyncio.gather(
        attempt(db, rescheduling_to(session_id, TWELVE)), attempt(another, book(SAM, TEN + 30 * MINUTE))
    )

    assert isinstance(moved, CoachingSession)
    assert isinstance(taken, CoachingSession | SlotTaken)
    await check_reservations(db)


async def test_rescheduling_to_when_the_student_books_elsewhere_has_one_winner(
    db: Database, another: Database
) -> None:
    session_id = await booked(db)
    await transact(db, a_coach, user_id=COACH + 1)

    for day in range(1, 5):
        target = TEN + day * DAY
        outcomes = await asyncio.gather(
            attempt(db, rescheduling_to(session_id, target, CARA, reason="Ill.")),
            attempt(another, book(Actor(STUDENT), target + 30 * MINUTE, COACH + 1)),
        )

        assert len(won(outcomes)) == 1
        assert len([one for one in outcomes if isinstance(one, SlotTaken)]) == 1
        await check_reservations(db)
    assert (await session_now(db, session_id)).starts_at > MONDAY


async def test_rescheduling_and_bookings_at_once_keep_the_daily_limit(db: Database, another: Database) -> None:
    session_id = await booked(db, daily_limit=1)

    for day in range(1, 5):
        outcomes = await asyncio.gather(
            attempt(db, rescheduling_to(session_id, TEN + day * DAY)),
            *(attempt(another, book(Actor(100 + n), TEN + day * DAY + n * HOUR)) for n in range(2, 5)),
        )

        assert len(won(outcomes)) == 1
        assert all(isinstance(one, CoachingSession | SlotTaken) for one in outcomes)
        await check_reservations(db)
