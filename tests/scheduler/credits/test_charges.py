"""What a session costs in credit, from the booking to whatever becomes of it."""

import pytest
from sqlalchemy import select

from models import CoachingSession, CreditLot
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.errors import NotBookable
from scheduler.credits import charges
from tests.support.bookings import CARA, ELEVEN, STU, TEN, TWELVE
from tests.support.builders import COACH, DAY, GUILD, HOUR, MONDAY, a_server_with_a_coach, refusal
from tests.support.credits import a_lot, book_with_credit, entries, left
from tests.support.transactions import fetch, fetch_all, transact


async def test_a_session_takes_its_minutes_from_the_lot_that_ends_first(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 60)
    await transact(db, a_lot, 45, valid_until=TEN + DAY)
    await transact(db, a_lot, 60, valid_until=TEN)

    booked = await transact(db, book_with_credit)

    assert await left(db) == [45, 0, 60]
    assert (booked.credit_minutes, booked.credit_worth_minor, booked.total_cost_minor) == (60, 6000, 0)


async def test_nothing_is_booked_without_enough_credit(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 59)
    await transact(db, a_lot, 60, coach_ids=[COACH + 1])

    refused = await refusal(db, NotBookable, book_with_credit)

    assert "You have 59 minutes of credit for this, and it takes 60." in str(refused)
    assert await fetch_all(db, select(CoachingSession)) == []
    assert await left(db) == [59, 60]


async def test_booking_twice_takes_the_minutes_once(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 120)

    await transact(db, book_with_credit)
    await transact(db, book_with_credit)

    assert await left(db) == [60]


@pytest.mark.parametrize(("notice", "is_late"), [(0, False), (180, True)])
async def test_cancelling_in_time_gives_the_minutes_back_and_late_charges_them(
    db: Database, notice: int, is_late: bool
) -> None:
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": notice})
    await transact(db, a_lot, 60)
    booked = await transact(db, book_with_credit)

    await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", MONDAY)

    assert await left(db) == [0 if is_late else 60]
    assert [kind for _, kind, _ in await entries(db)] == [
        "granted",
        "reserved",
        "charged" if is_late else "returned",
    ]


async def test_the_coach_can_waive_a_charge_for_a_week(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": 180})
    await transact(db, a_lot, 60, valid_until=TWELVE)
    booked = await transact(db, book_with_credit)
    await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", MONDAY)

    for _ in range(2):
        await transact(db, charges.waive, booked.id, CARA, MONDAY + 7 * DAY - HOUR)

    assert await left(db) == [60]
    assert (await fetch(db, CoachingSession, booked.id)).credit_charged_at is None


async def test_what_comes_back_to_an_ended_lot_is_valid_for_30_days_more(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": 180})
    await transact(db, a_lot, 90, valid_until=ELEVEN)
    booked = await transact(db, book_with_credit)
    await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", MONDAY)

    await transact(db, charges.waive, booked.id, CARA, TWELVE)

    assert [kind for _, kind, _ in await entries(db)] == ["granted", "reserved", "charged", "expired", "returned"]
    assert await left(db) == [60]
    assert (await fetch(db, CreditLot, 1)).valid_until == TWELVE + 30 * DAY
