"""Credit when several presses come at the same moment: every minute is taken, and given back, once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, CreditEntry, CreditLot, EntryKind, Guild, LotSource
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.credits import charges, disputes, expiry, grants, packages, role_grants
from tests.support.bookings import CARA, LATER, STU, TEN, book, rescheduling_to
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    a_server_with_a_coach,
)
from tests.support.credits import a_lot, book_with_credit, entries, left
from tests.support.integrity import faults_of
from tests.support.race_worker import Press, press
from tests.support.transactions import fetch_all, query, transact

pytestmark = pytest.mark.slow

ROUNDS = 12
WON = Press(won=True)
ALL_WEEK = [(day, 0, 24 * 60) for day in range(7)]


async def at_once(db: Database, *use_cases: Callable[[AsyncSession], Awaitable[object]]) -> Counter[Press]:
    """Do all of these at the same moment, and count the outcomes."""
    return Counter(await asyncio.gather(*(press(db, one) for one in use_cases)))


async def test_of_fifty_bookings_at_once_with_credit_for_three_exactly_three_are_booked(db: Database) -> None:
    coaches = [COACH + number for number in range(5)]
    async with db.begin() as session:
        await a_guild(session, most_upcoming=100)
        for coach_id in coaches:
            await a_coach(session, user_id=coach_id, hours=ALL_WEEK)
        await a_lot(session, 100)
        await a_lot(session, 110, valid_until=MONDAY + 20 * DAY)
    times = [(coaches[number % 5], TEN + number * HOUR) for number in range(50)]

    ended = await at_once(
        db, *(partial(book_with_credit, coach_id=coach_id, starts_at=at) for coach_id, at in times)
    )

    assert ended == {WON: 3, Press(refused="NotBookable"): 47}
    booked = await fetch_all(db, select(CoachingSession))
    assert [one.student.credit_minutes for one in booked] == [60, 60, 60]
    assert await left(db) == [30, 0]
    assert await faults_of(db) == []


async def charged(db: Database, **lot: Any) -> int:
    """Return a session that its student cancelled too late."""
    await transact(db, a_lot, 60, **lot)
    booked = await transact(db, book_with_credit)
    await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", MONDAY)
    return booked.id


async def test_a_charge_that_is_waived_and_disputed_at_once_is_given_back_once(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": 180})
    for _ in range(ROUNDS):
        one = await charged(db)
        await transact(db, disputes.open_dispute, one, STU, "I was ill.", MONDAY)
        decide = partial(disputes.decide, session_id=one, actor=ADMIN, guild_id=GUILD, now=MONDAY)

        ended = await at_once(
            db,
            partial(charges.waive, session_id=one, actor=CARA, now=MONDAY),
            partial(decide, give_back=True),
        )

        assert ended == {WON: 2}
        about = [entry for entry in await fetch_all(db, select(CreditEntry)) if entry.session_id == one]
        assert [entry.kind for entry in about] == [EntryKind.RESERVED, EntryKind.CHARGED, EntryKind.RETURNED]
        await spend(db)


async def spend(db: Database) -> None:
    """Take back all credit, so that the next round begins with none."""
    for lot in await fetch_all(db, select(CreditLot).where(CreditLot.minutes_left > 0)):
        await transact(db, grants.take_back, GUILD, ADMIN, lot.id, MONDAY)


async def test_minutes_that_are_given_back_while_their_lot_expires_stay_valid(db: Database) -> None:
    ends = TEN + HOUR
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": 180})
    for _ in range(ROUNDS):
        one = await charged(db, valid_until=ends)

        ended, _ = await asyncio.gather(
            press(db, partial(charges.waive, session_id=one, actor=CARA, now=ends)),
            expiry.do_due(db, lambda: ends),
        )

        assert ended == WON
        [lot] = await fetch_all(db, select(CreditLot).where(CreditLot.minutes_left > 0))
        assert (lot.minutes_left, lot.valid_until) == (60, ends + 30 * DAY)
        await spend(db)


async def test_a_lot_that_somebody_is_using_expires_with_the_next_tick(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 60, valid_until=TEN)
    other = await transact(db, a_lot, 60, valid_until=TEN)

    if not db.is_sqlite:  # there, nobody else can write meanwhile
        async with db.begin() as session:
            await session.get_one(CreditLot, other.id, with_for_update=True)
            assert await expiry.do_due(db, lambda: TEN) == 2
            assert await left(db) == [0, 60]
    await expiry.do_due(db, lambda: TEN)

    assert await left(db) == [0, 0]


async def test_what_a_role_gives_is_given_once_when_its_owner_presses_twice(db: Database) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await packages.set_role_grant(session, guild, ADMIN, 55, 120, MONDAY)

    async def sync(session: AsyncSession, user_id: int) -> None:
        guild = await session.get_one(Guild, GUILD)
        await role_grants.sync(session, guild, Actor(user_id, role_ids=frozenset({55})), MONDAY)

    for user_id in range(STUDENT, STUDENT + ROUNDS):
        assert await at_once(db, *[partial(sync, user_id=user_id)] * 3) == {WON: 3}

    assert await left(db) == [120] * ROUNDS


async def test_a_role_lost_and_had_again_at_once_leaves_all_or_nothing(db: Database) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await packages.set_role_grant(session, guild, ADMIN, 55, 120, MONDAY)

    async def sync(session: AsyncSession, roles: frozenset[int]) -> None:
        guild = await session.get_one(Guild, GUILD)
        await role_grants.sync(session, guild, Actor(STUDENT, role_ids=roles), MONDAY)

    has_it, has_not = (partial(sync, roles=frozenset(roles)) for roles in ({55}, set[int]()))
    await transact(db, has_it)
    for _ in range(ROUNDS):
        assert await at_once(db, has_it, has_not, has_it, has_not) == {WON: 4}
        assert await left(db) in ([0], [120])


async def booked_hours(db: Database, student: int, days: int) -> list[int]:
    """Book an hour with money on each of these days."""
    starts = [TEN + day * DAY for day in range(2, 2 + days)]
    return [(await transact(db, book, Actor(student), at)).id for at in starts]


async def a_server_with_make_ups(db: Database) -> None:
    await a_server_with_a_coach(db, hours=ALL_WEEK, guild={"most_make_ups": 1, "most_upcoming": 100})


async def make_ups(db: Database) -> int:
    counted = select(func.count()).select_from(CreditLot).where(CreditLot.source == LotSource.MAKE_UP)
    return await query(db, lambda session: session.scalar(counted)) or 0


async def test_cancelling_several_sessions_at_once_gives_as_many_make_ups_as_allowed(db: Database) -> None:
    await a_server_with_make_ups(db)
    for number in range(1, 5):
        student = STUDENT + number
        sessions = await booked_hours(db, student, 4)

        def cancel(one: int, by: Actor) -> Callable[[AsyncSession], Awaitable[object]]:
            return partial(cancellation.cancel, session_id=one, actor=by, guild_id=GUILD, reason="", now=MONDAY)

        assert await at_once(db, *(cancel(one, Actor(student)) for one in sessions)) == {WON: 4}
        assert await make_ups(db) == number


async def test_cancelling_for_a_make_up_and_rescheduling_at_once_never_deadlock(db: Database) -> None:
    await a_server_with_make_ups(db)
    for number in range(1, ROUNDS):
        student = Actor(STUDENT + number)
        [one] = await booked_hours(db, student.user_id, 1)

        ended = await at_once(
            db,
            partial(cancellation.cancel, session_id=one, actor=student, guild_id=GUILD, reason="", now=LATER),
            rescheduling_to(one, TEN + 10 * DAY + 90 * MINUTE, student, now=LATER),
        )

        assert {one.error for one in ended} == {""}
        assert ended[WON] >= 1
        assert await make_ups(db) == number


async def test_two_people_who_book_with_credit_at_once_get_one_slot_and_one_charge(db: Database) -> None:
    await a_server_with_a_coach(db, hours=ALL_WEEK)
    for number in range(ROUNDS):
        pair = [STUDENT + 2 * number, STUDENT + 2 * number + 1]
        for student in pair:
            await transact(db, a_lot, 60, user_id=student)

        ended = await at_once(
            db, *(partial(book_with_credit, actor=Actor(one), starts_at=TEN + number * HOUR) for one in pair)
        )

        assert ended == {WON: 1, Press(refused="SlotTaken", alternatives=3): 1}
    assert sum(await left(db)) == 60 * ROUNDS
    assert [kind for _, kind, _ in await entries(db)].count("reserved") == ROUNDS
