"""Several people who book at the same moment, and the database as the last guard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import pytest
from sqlalchemy import func, select, text

from models import CoachingSession, Member, Notification, NotificationKind, Reservation, SessionStatus
from models.storage.database import Database
from scheduler.booking.cancellation import cancel
from scheduler.core.actor import Actor
from scheduler.core.errors import SlotTaken
from tests.support.bookings import ELEVEN, STU, TEN, Press, attempt, book, booked
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_coach,
    a_server_with_a_coach,
    a_session,
    refusal,
)
from tests.support.stored import enqueued, reservations
from tests.support.transactions import fetch_all, fetch_only, transact

NEAREST = (TEN - HOUR, ELEVEN, ELEVEN + 30 * MINUTE)
"""The free times closest to ten, once ten is taken."""
BOOKED = Notification.kind == NotificationKind.SESSION_BOOKED


async def a_second_coach(db: Database) -> int:
    return (await transact(db, a_coach, user_id=COACH + 1)).user_id


async def sessions(db: Database) -> list[CoachingSession]:
    return await fetch_all(db, select(CoachingSession).order_by(CoachingSession.id))


async def race(db: Database, *presses: Press) -> tuple[list[CoachingSession], list[SlotTaken]]:
    """Let everyone press at once; return who booked, and the refusals."""
    outcomes = await asyncio.gather(*(attempt(db, press) for press in presses))
    refused = [one for one in outcomes if isinstance(one, SlotTaken)]
    won = [one for one in outcomes if isinstance(one, CoachingSession)]
    assert len(won) + len(refused) == len(presses)
    return won, refused


def by_students(count: int) -> list[Press]:
    return [partial(book, actor=Actor(100 + n)) for n in range(count)]


async def test_a_double_click_books_once(db: Database) -> None:
    await a_server_with_a_coach(db)

    won, _ = await race(db, *[book] * 5)

    assert [one.id for one in won] == [won[0].id] * 5
    assert len(await sessions(db)) == 1
    assert len(await enqueued(db, BOOKED)) == 2


async def test_exactly_one_of_twenty_racing_students_gets_the_slot(db: Database) -> None:
    await a_server_with_a_coach(db)

    (winner,), losers = await race(db, *by_students(20))

    assert {one.nearest for one in losers} == {NEAREST}
    assert await reservations(db) == sorted([(COACH, TEN, ELEVEN), (winner.student_id, TEN, ELEVEN)])
    assert len(await sessions(db)) == 1
    assert len(await enqueued(db, BOOKED)) == 2


async def test_students_who_race_for_overlapping_times_never_share_any(db: Database) -> None:
    await a_server_with_a_coach(db)
    presses = (partial(book, actor=Actor(100 + n), starts_at=TEN + n % 5 * 30 * MINUTE) for n in range(15))

    won, _ = await race(db, *presses)

    starts = sorted(one.starts_at for one in won)
    assert starts
    assert all(later - earlier >= HOUR for earlier, later in pairwise(starts))
    assert len(await reservations(db)) == 2 * len(starts)


async def test_a_student_who_books_two_coaches_at_once_gets_one(db: Database) -> None:
    await a_server_with_a_coach(db)
    other = await a_second_coach(db)

    won, _ = await race(db, book, partial(book, coach_id=other))

    assert len(won) == 1
    assert len(await reservations(db)) == 2


async def test_two_coaches_who_book_each_other_at_once_do_not_deadlock(db: Database) -> None:
    await a_server_with_a_coach(db)
    other = await a_second_coach(db)
    times = [MONDAY + DAY + hour * HOUR for hour in range(1, 9)]
    presses = [
        partial(book, actor=Actor(student), coach_id=coach, starts_at=at)
        for at in times
        for student, coach in [(COACH, other), (other, COACH)]
    ]

    won, _ = await race(db, *presses)

    assert sorted(one.starts_at for one in won) == times


async def test_booking_and_cancelling_at_once_leave_whole_sessions(db: Database) -> None:
    session_id = await booked(db)
    press = partial(cancel, session_id=session_id, actor=STU, guild_id=GUILD, reason="", now=MONDAY)

    won, _ = await race(db, press, *by_students(8))

    assert session_id in [one.id for one in won]
    upcoming = [one for one in await sessions(db) if one.status is SessionStatus.SCHEDULED]
    assert len(upcoming) <= 1
    assert len(await reservations(db)) == 2 * len(upcoming)


async def test_a_member_is_stored_once_however_often_they_book(db: Database) -> None:
    await a_server_with_a_coach(db)

    won, _ = await race(db, *(partial(book, starts_at=MONDAY + DAY + hour * HOUR) for hour in range(1, 9)))

    assert len(won) == 8
    assert await fetch_only(db, select(func.count()).select_from(Member)) == 2


TAKE_IT = (
    "INSERT INTO reservations (user_id, starts_at, ends_at, session_id)"
    " VALUES (NEW.coach_id, NEW.starts_at, NEW.ends_at, NEW.id);"
)
ON_SQLITE = [f"CREATE TRIGGER slip_in AFTER INSERT ON coaching_sessions BEGIN {TAKE_IT} END"]
ON_POSTGRESQL = [
    f"CREATE FUNCTION slip_in() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {TAKE_IT} RETURN NULL; END $$",
    "CREATE TRIGGER slip_in AFTER INSERT ON coaching_sessions FOR EACH ROW EXECUTE FUNCTION slip_in()",
]


@asynccontextmanager
async def someone_slips_in(db: Database) -> AsyncIterator[None]:
    """Meanwhile, the coach's time is taken right after the application found it free."""

    async def run(statements: list[str]) -> None:
        async with db.engine.begin() as connection:
            for statement in statements:
                await connection.exec_driver_sql(statement)

    await run(ON_SQLITE if db.is_sqlite else ON_POSTGRESQL)
    try:
        yield
    finally:
        await run(["DROP TRIGGER slip_in"] if db.is_sqlite else ["DROP FUNCTION slip_in CASCADE"])


async def test_the_database_refuses_what_slips_past_the_check(db: Database) -> None:
    await a_server_with_a_coach(db)

    async with someone_slips_in(db):
        refused = await refusal(db, SlotTaken, book)

    assert refused.nearest == NEAREST


@pytest.mark.parametrize("engine_name", ["postgres"])
async def test_booking_waits_for_a_reservation_that_is_not_committed_yet(db: Database) -> None:
    await a_server_with_a_coach(db)
    other = await transact(db, a_session, starts_at=TEN + DAY, student_id=STUDENT + 1)

    async with db.begin() as outsider:
        outsider.add(Reservation(user_id=COACH, starts_at=TEN, ends_at=ELEVEN, session_id=other.id))
        await outsider.flush()
        press = asyncio.create_task(attempt(db, book))
        async with asyncio.timeout(30):
            while not await someone_waits(db):
                assert not press.done()
    outcome = await press

    assert isinstance(outcome, SlotTaken)
    assert TEN not in outcome.nearest
    assert [one.id for one in await sessions(db)] == [other.id]


async def someone_waits(db: Database) -> bool:
    """Whether a transaction of this database waits for another one."""
    async with db.read() as session:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(await session.scalar(text(waiting)))
