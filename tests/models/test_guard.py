"""The database itself refuses to reserve one person's time twice."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import Reservation
from models.storage.database import Database
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach, a_guild, a_session
from tests.support.transactions import transact

MICROSECOND = timedelta(microseconds=1)


async def some_session(db: Database, *, guild_id: int = GUILD) -> int:
    """Store a session without reservations, for reservations to belong to."""
    async with db.begin() as session:
        await a_guild(session, id=guild_id)
        await a_coach(session, guild_id=guild_id)
        return (await a_session(session, guild_id=guild_id, reserved=False)).id


async def reserve(session: AsyncSession, session_id: int, user_id: int, start: datetime, end: datetime) -> int:
    """Insert one reservation without the application's checks, and return its key."""
    inserted = await session.execute(
        insert(Reservation)
        .values(user_id=user_id, starts_at=start, ends_at=end, session_id=session_id)
        .returning(Reservation.id)
    )
    return inserted.scalar_one()


async def change(session: AsyncSession, row: int, **values: object) -> None:
    """Change one reservation with one UPDATE."""
    await session.execute(
        update(Reservation)
        .where(Reservation.id == row)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


async def reserved(db: Database, user_id: int) -> list[tuple[datetime, datetime]]:
    """Return this person's reservations, ordered by start."""
    async with db.read() as session:
        found = await session.execute(
            select(Reservation.starts_at, Reservation.ends_at)
            .where(Reservation.user_id == user_id)
            .order_by(Reservation.starts_at)
        )
        return [(start, end) for start, end in found]


async def assert_guard_stands(db: Database, session_id: int) -> None:
    """Fail unless the database rejects overlaps on INSERT and UPDATE, and reservations longer than a day."""
    someone, starts = 71, MONDAY + 1000 * DAY
    async with db.begin() as session:
        await reserve(session, session_id, someone, starts, starts + HOUR)
        second = await reserve(session, session_id, someone, starts + HOUR, starts + 2 * HOUR)
    with pytest.raises(IntegrityError, match="reservations_no_overlap"):
        await transact(db, reserve, session_id, someone, starts + MINUTE, starts + 2 * MINUTE)
    with pytest.raises(IntegrityError, match="reservations_no_overlap"):
        await transact(db, change, second, starts_at=starts + HOUR - MINUTE)
    with pytest.raises(IntegrityError, match="ck_reservations_longest"):
        await transact(db, reserve, session_id, someone, starts + DAY, starts + 2 * DAY + MICROSECOND)
    with pytest.raises(IntegrityError, match="ck_reservations_ends_after_start"):
        await transact(db, reserve, session_id, someone, starts + DAY, starts + DAY)
    assert await reserved(db, someone) == [(starts, starts + HOUR), (starts + HOUR, starts + 2 * HOUR)]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (timedelta(0), HOUR),
        (-HOUR, MICROSECOND),
        (HOUR - MICROSECOND, 2 * HOUR),
        (20 * MINUTE, 40 * MINUTE),
        (-HOUR, 2 * HOUR),
        (MICROSECOND - DAY, MICROSECOND),
        (HOUR - MICROSECOND, HOUR - MICROSECOND + DAY),
    ],
    ids=["the same", "first instant", "last instant", "inside", "around", "a day before", "a day after"],
)
async def test_one_persons_overlapping_reservation_is_rejected(
    db: Database, start: timedelta, end: timedelta
) -> None:
    session_id = await some_session(db)
    await transact(db, reserve, session_id, STUDENT, MONDAY, MONDAY + HOUR)

    with pytest.raises(IntegrityError, match="reservations_no_overlap"):
        await transact(db, reserve, session_id, STUDENT, MONDAY + start, MONDAY + end)

    assert await reserved(db, STUDENT) == [(MONDAY, MONDAY + HOUR)]


async def test_the_last_instant_of_a_reservation_that_takes_a_whole_day_is_guarded(db: Database) -> None:
    session_id = await some_session(db)
    await transact(db, reserve, session_id, STUDENT, MONDAY, MONDAY + DAY)

    with pytest.raises(IntegrityError, match="reservations_no_overlap"):
        await transact(db, reserve, session_id, STUDENT, MONDAY + DAY - MICROSECOND, MONDAY + DAY + HOUR)

    assert await reserved(db, STUDENT) == [(MONDAY, MONDAY + DAY)]


async def test_moving_a_reservation_into_another_is_rejected(db: Database) -> None:
    session_id = await some_session(db)
    later = MONDAY + 5 * HOUR
    async with db.begin() as session:
        await reserve(session, session_id, STUDENT, MONDAY, MONDAY + HOUR)
        row = await reserve(session, session_id, STUDENT, later, later + HOUR)

    with pytest.raises(IntegrityError, match="reservations_no_overlap"):
        await transact(db, change, row, starts_at=MONDAY + 30 * MINUTE, ends_at=MONDAY + 90 * MINUTE)

    assert await reserved(db, STUDENT) == [(MONDAY, MONDAY + HOUR), (later, later + HOUR)]


async def test_giving_a_reservation_to_a_busy_person_is_rejected(db: Database) -> None:
    session_id = await some_session(db)
    async with db.begin() as session:
        await reserve(session, session_id, STUDENT, MONDAY, MONDAY + HOUR)
        row = await reserve(session, session_id, COACH, MONDAY, MONDAY + HOUR)

    with pytest.raises(IntegrityError, match="reservations_no_overlap"):
        await transact(db, change, row, user_id=STUDENT)

    assert await reserved(db, COACH) == [(MONDAY, MONDAY + HOUR)]


async def test_a_reservation_can_move_onto_its_own_time(db: Database) -> None:
    session_id = await some_session(db)
    row = await transact(db, reserve, session_id, STUDENT, MONDAY, MONDAY + HOUR)

    await transact(db, change, row, starts_at=MONDAY + 30 * MINUTE, ends_at=MONDAY + 90 * MINUTE)

    assert await reserved(db, STUDENT) == [(MONDAY + 30 * MINUTE, MONDAY + 90 * MINUTE)]


async def test_the_guard_reaches_across_servers(db: Database) -> None:
    here, elsewhere = await some_session(db), await some_session(db, guild_id=GUILD + 1)
    await transact(db, reserve, here, STUDENT, MONDAY, MONDAY + HOUR)

    with pytest.raises(IntegrityError, match="reservations_no_overlap"):
        await transact(db, reserve, elsewhere, STUDENT, MONDAY, MONDAY + HOUR)

    assert await reserved(db, STUDENT) == [(MONDAY, MONDAY + HOUR)]


async def test_touching_reservations_are_accepted_in_any_order(db: Database) -> None:
    session_id = await some_session(db)
    times = [(MONDAY + hour * HOUR, MONDAY + (hour + 1) * HOUR) for hour in range(3)]

    async with db.begin() as session:
        for hour in (0, 2, 1):
            await reserve(session, session_id, STUDENT, *times[hour])

    assert await reserved(db, STUDENT) == times


async def test_two_people_can_be_busy_at_the_same_time(db: Database) -> None:
    session_id = await some_session(db)

    async with db.begin() as session:
        await reserve(session, session_id, STUDENT, MONDAY, MONDAY + HOUR)
        await reserve(session, session_id, STUDENT + 1, MONDAY, MONDAY + HOUR)

    assert await reserved(db, STUDENT) == await reserved(db, STUDENT + 1) == [(MONDAY, MONDAY + HOUR)]


async def test_a_reservation_takes_a_day_at_most(db: Database) -> None:
    session_id = await some_session(db)
    row = await transact(db, reserve, session_id, STUDENT, MONDAY, MONDAY + DAY)

    with pytest.raises(IntegrityError, match="ck_reservations_longest"):
        await transact(db, reserve, session_id, COACH, MONDAY, MONDAY + DAY + MICROSECOND)
    with pytest.raises(IntegrityError, match="ck_reservations_longest"):
        await transact(db, change, row, ends_at=MONDAY + DAY + MICROSECOND)

    assert await reserved(db, STUDENT) == [(MONDAY, MONDAY + DAY)]
    assert await reserved(db, COACH) == []


@pytest.mark.parametrize("length", [timedelta(0), -MICROSECOND, -HOUR], ids=["empty", "just reversed", "reversed"])
async def test_an_empty_or_reversed_reservation_is_refused(db: Database, length: timedelta) -> None:
    session_id = await some_session(db)

    with pytest.raises(IntegrityError, match="ck_reservations_ends_after_start"):
        await transact(db, reserve, session_id, STUDENT, MONDAY, MONDAY + length)

    assert await reserved(db, STUDENT) == []


async def test_exactly_one_of_many_racing_reservations_commits(db: Database) -> None:
    session_id = await some_session(db)
    everyone_is_ready = asyncio.Barrier(1 if db.is_sqlite else 10)  # SQLite lets one in at a time

    async def reserve_at(minute: int) -> datetime | DBAPIError:
        start = MONDAY + minute * MINUTE
        try:
            async with db.begin() as session:
                await everyone_is_ready.wait()
                await reserve(session, session_id, STUDENT, start, start + HOUR)
        except DBAPIError as refused:
            return refused
        return start

    outcomes = await asyncio.gather(*(reserve_at(minute) for minute in range(10)))

    won = [one for one in outcomes if isinstance(one, datetime)]
    assert len(won) == 1, outcomes
    assert await reserved(db, STUDENT) == [(won[0], won[0] + HOUR)]
    assert {why(one) for one in outcomes if isinstance(one, DBAPIError)} <= {"overlap", "deadlock"}


def why(refused: DBAPIError) -> str:
    """Name the reason for a refusal.

    On PostgreSQL two INSERTs may wait for each other before an exclusion constraint can reject one; then one is
    ended as a deadlock. Bookings avoid this with `scheduler.core.members.lock`.
    """
    if isinstance(refused, IntegrityError) and "reservations_no_overlap" in str(refused.orig):
        return "overlap"
    return "deadlock" if getattr(refused.orig, "sqlstate", None) == "40P01" else str(refused)


# Random changes, compared with a model in plain Python.

Rows = dict[int, tuple[int, int, int]]
"""Key → person, start minute and end minute after `MONDAY`."""


@dataclass(frozen=True)
class Change:
    """A change to try: an insert if `row` matches none, a delete if `length` is None, else a move."""

    row: int | None
    user_id: int
    start: int
    length: int | None


CHANGES = st.lists(
    st.builds(
        Change,
        row=st.none() | st.integers(0, 7),
        user_id=st.sampled_from((11, 12, 13)),
        start=st.integers(0, 100).map(lambda half_hours: half_hours * 30),
        length=st.sampled_from((30, 60, 90, 720, 1439, 1440, 1441, 0, -30)) | st.integers(1, 300) | st.none(),
    ),
    min_size=10,
    max_size=30,
)


def allows(rows: Rows, changed: int | None, user_id: int, start: int, end: int) -> bool:
    """Check what the guard promises, minute by minute."""
    if not start < end <= start + 24 * 60:
        return False
    wanted = set(range(start, end))
    return all(
        row == changed or other != user_id or wanted.isdisjoint(range(first, last))
        for row, (other, first, last) in rows.items()
    )


class RollBack(Exception):
    """Ends a transaction that must leave nothing behind."""


async def hold_against_model(db: Database, changes: Sequence[Change]) -> None:
    """Try all changes in one transaction and undo it; the database must reject exactly what the model rejects."""
    rows: Rows = {}
    with contextlib.suppress(RollBack):
        async with db.begin() as session:
            await a_guild(session)
            await a_coach(session)
            session_id = (await a_session(session, reserved=False)).id
            for one in changes:
                await try_change(session, session_id, rows, one)
            found = await session.execute(
                select(Reservation.id, Reservation.user_id, Reservation.starts_at, Reservation.ends_at)
            )
            kept = {
                row: (user_id, (start - MONDAY) // MINUTE, (end - MONDAY) // MINUTE)
                for row, user_id, start, end in found
            }
            assert kept == rows
            raise RollBack


async def try_change(session: AsyncSession, session_id: int, rows: Rows, one: Change) -> None:
    """Apply one change to the database and, if accepted, to the model."""
    keys = sorted(rows)
    row = keys[one.row] if one.row is not None and one.row < len(keys) else None
    if one.length is None:
        if row is not None:
            await session.execute(delete(Reservation).where(Reservation.id == row))
            del rows[row]
        return
    start, end = MONDAY + one.start * MINUTE, MONDAY + (one.start + one.length) * MINUTE
    expected = allows(rows, row, one.user_id, one.start, one.start + one.length)
    try:
        async with session.begin_nested():
            if row is None:
                row = await reserve(session, session_id, one.user_id, start, end)
            else:
                await change(session, row, user_id=one.user_id, starts_at=start, ends_at=end)
        accepted = True
    except IntegrityError:
        accepted = False
    assert accepted == expected, f"{one} among {rows}"
    if accepted and row is not None:
        rows[row] = one.user_id, one.start, one.start + one.length


SHARED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("engine_name", ["sqlite"])
@settings(SHARED, max_examples=40)
@given(changes=CHANGES)
async def test_sqlite_rejects_exactly_the_overlaps(db: Database, changes: list[Change]) -> None:
    await hold_against_model(db, changes)


@pytest.mark.parametrize("engine_name", ["postgres"])
@settings(SHARED, max_examples=15)
@given(changes=CHANGES)
async def test_postgresql_rejects_exactly_the_overlaps(db: Database, changes: list[Change]) -> None:
    await hold_against_model(db, changes)
