"""Which minutes a session can be booked with, and what happens to the rest."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachSpecialty, CreditLot, EntryKind, LotSource, NotificationKind
from models.storage.database import Database
from scheduler.credits import expiry, ledger
from tests.support.bookings import ELEVEN, STU, TEN, book
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach, a_server_with_a_coach
from tests.support.credits import a_lot, entries, left
from tests.support.stored import notifications
from tests.support.transactions import fetch, query, transact

OTHER = COACH + 1


async def usable(db: Database, coach_id: int = COACH, at: datetime = TEN) -> list[int]:
    """Return the lots a session can be booked with, as shown and as taken from, which have to agree."""

    async def ask(session: AsyncSession) -> tuple[list[int], list[int]]:
        coach = await session.get_one(Coach, (GUILD, coach_id))
        theirs = await ledger.lots_of(session, GUILD, STU.user_id, valid_at=at)
        shown = await ledger.usable_for(session, theirs, coach)
        _, taken = await ledger.lots_to_take_from(session, STU.user_id, coach, at, MONDAY)
        return [lot.id for lot in shown], [lot.id for lot in taken]

    shown, taken = await transact(db, ask)
    assert shown == taken
    return shown


async def test_what_ends_first_is_used_first_and_what_never_ends_last(db: Database) -> None:
    await a_server_with_a_coach(db)
    for until in (None, TEN + 2 * DAY, TEN + DAY, None):
        await transact(db, a_lot, 30, valid_until=until)

    assert await usable(db) == [3, 2, 1, 4]


async def test_minutes_are_valid_for_what_starts_before_their_end(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 30, valid_until=TEN)

    assert await usable(db, at=TEN - MINUTE) == [1]
    assert await usable(db, at=TEN) == []


async def test_nobody_uses_the_minutes_of_others_of_another_server_or_none(db: Database) -> None:
    await a_server_with_a_coach(db)
    await a_server_with_a_coach(db, guild={"id": GUILD + 1}, guild_id=GUILD + 1)
    await transact(db, a_lot, 30, user_id=STU.user_id + 1)
    await transact(db, a_lot, 30, guild_id=GUILD + 1)
    await transact(db, a_lot, 60)
    mine = await transact(db, a_lot, 60)
    await transact(db, lambda session: ledger.revoke(session, mine, MONDAY))

    assert await usable(db) == [3]


async def test_minutes_are_for_their_coaches_and_specialties_only(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_coach(session, user_id=OTHER)
        session.add_all(CoachSpecialty(guild_id=GUILD, coach_id=OTHER, specialty_id=one) for one in (1, 2))
    await transact(db, a_lot, 30, coach_ids=[COACH, 5])
    await transact(db, a_lot, 30, specialty_ids=[2, 7])
    await transact(db, a_lot, 30, specialty_ids=[2], coach_ids=[COACH])

    assert await usable(db, COACH) == [1]
    assert await usable(db, OTHER) == [2]


@pytest.mark.parametrize(
    ("other", "is_usable"),
    [
        ({"rate_minor": 6000}, True),
        ({"rate_minor": 5999}, True),
        ({"rate_minor": 6001}, False),
        ({"rate_minor": 6000, "currency": "EUR"}, False),
    ],
)
async def test_a_make_up_is_for_coaches_who_do_not_cost_more(
    db: Database, other: dict[str, Any], is_usable: bool
) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_coach, user_id=OTHER, **other)
    instead = {"coach_ids": [COACH], "paid_minor": 9000, "currency": "USD"}
    await transact(db, a_lot, 90, source=LotSource.MAKE_UP, **instead)
    await transact(db, a_lot, 90, source=LotSource.PACKAGE, **instead)

    assert await usable(db, COACH) == [1, 2]
    assert await usable(db, OTHER) == ([1] if is_usable else [])


async def test_what_comes_back_comes_back_to_its_own_lots(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 45, valid_until=ELEVEN)
    await transact(db, a_lot, 45)
    about = (await transact(db, book)).id

    async def take_and_give_back(session: AsyncSession) -> None:
        lots = await ledger.lots_of(session, GUILD, STU.user_id, valid_at=TEN)
        await ledger.reserve(session, lots, 60, about, MONDAY)
        await a_lot(session, 10)
        await ledger.give_back(session, await ledger.taken_for(session, about, STUDENT), about, MONDAY)

    await transact(db, take_and_give_back)

    assert await left(db) == [45, 45, 10]
    assert [(lot, minutes) for lot, kind, minutes in await entries(db) if kind is EntryKind.RETURNED] == [
        (1, 45),
        (2, 15),
    ]


# What ends

ENDS = MONDAY + 20 * DAY


async def told(db: Database, now: datetime) -> list[int | None]:
    """Let everything happen that's due, and return the lots that people are told about."""
    while await expiry.do_due(db, lambda: now):
        pass
    return [one.lot_id for one in await notifications(db) if one.kind is NotificationKind.CREDITS_ENDING]


async def test_people_are_told_two_weeks_before_minutes_end_and_then_they_are_gone(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 60, valid_until=ENDS)
    await transact(db, a_lot, 60)

    assert await told(db, ENDS - 14 * DAY - MINUTE) == []
    assert await told(db, ENDS - 14 * DAY) == [1]
    assert await told(db, ENDS - MINUTE) == [1]
    assert await left(db) == [60, 60]
    assert await told(db, ENDS) == [1]

    assert await left(db) == [0, 60]
    assert (await entries(db))[-1] == (1, EntryKind.EXPIRED, -60)
    assert await expiry.do_due(db, lambda: ENDS + DAY) == 0


async def test_nobody_is_told_about_what_comes_monthly_ends_soon_anyway_or_is_used_up(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 60, valid_until=ENDS, source=LotSource.ROLE)
    await transact(db, a_lot, 60, valid_until=MONDAY + 14 * DAY)
    empty = await transact(db, a_lot, 60, valid_until=ENDS)
    await transact(db, lambda session: ledger.revoke(session, empty, MONDAY))

    assert await told(db, ENDS - HOUR) == []
    assert await left(db) == [60, 0, 0]
    assert await told(db, ENDS) == []
    assert await left(db) == [0, 0, 0]


async def test_minutes_that_come_back_after_the_end_are_announced_and_end_again(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 60, valid_until=ELEVEN)
    about = (await transact(db, book)).id

    async def take(session: AsyncSession) -> None:
        lots = await ledger.lots_of(session, GUILD, STU.user_id, valid_at=TEN)
        await ledger.reserve(session, lots, 60, about, MONDAY)

    async def give_back(session: AsyncSession) -> None:
        await ledger.give_back(session, await ledger.taken_for(session, about, STUDENT), about, ENDS)

    await transact(db, take)
    await told(db, ENDS)
    await transact(db, give_back)

    assert (await query(db, lambda session: session.get_one(CreditLot, 1))).valid_until == ENDS + 30 * DAY
    assert await told(db, ENDS + 16 * DAY) == [1]
    assert await left(db) == [60]
    await told(db, ENDS + 30 * DAY)
    assert await left(db) == [0]
    assert (await fetch(db, CreditLot, 1)).next_step_at is None
