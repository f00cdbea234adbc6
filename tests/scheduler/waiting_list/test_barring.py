"""What becomes of offers when somebody can't book or coach here any more."""

from datetime import datetime

import pytest
from sqlalchemy import select

from models import BlockedFrom, Hold, OfferState, Reservation
from models.storage.database import Database
from scheduler.booking import blocks, departures
from scheduler.booking.departures import Why
from scheduler.coaches import suspensions
from tests.support.bookings import STU
from tests.support.builders import ADMIN, COACH, GUILD, HOUR, MONDAY, a_coach, a_guild
from tests.support.transactions import fetch_all, transact
from tests.support.waiting_list import WAITING, WEDNESDAY_TEN, Line, a_line

ANN, BOB = WAITING[:2]


async def offered(db: Database, starts_at: datetime = WEDNESDAY_TEN) -> tuple[Line, int]:
    """Offer the only time to Ann, with Bob behind her, and return the line with her wish."""
    line, booked = await a_line(db, starts_at=starts_at)
    wish, _ = [await line.waits(one) for one in (ANN, BOB)]
    await line.cancel(booked, STU)
    await line.tick()
    return line, wish


@pytest.mark.parametrize("starts_at", [WEDNESDAY_TEN, MONDAY + 2 * HOUR], ids=["held", "shared"])
async def test_a_suspended_coachs_offers_end_at_once(db: Database, starts_at: datetime) -> None:
    line, wish = await offered(db, starts_at)

    await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "Complaints.", line.now)

    assert {one.state for one in await line.offers()} == {OfferState.WITHDRAWN}
    assert await fetch_all(db, select(Hold)) == await fetch_all(db, select(Reservation)) == []
    await line.tick()
    assert await line.open_to() == await line.freed() == []
    assert (await line.wish(wish)).ended_at is None


async def test_what_was_offered_to_someone_who_leaves_goes_to_the_next_person(db: Database) -> None:
    line, wish = await offered(db)
    line.discord.gone.add(ANN.user_id)

    await transact(db, departures.handle_departure, GUILD, ANN.user_id, Why.LEFT, line.now)
    await line.tick()

    assert [(one.user_id, one.state) for one in await line.offers()] == [
        (ANN.user_id, OfferState.WITHDRAWN),
        (BOB.user_id, OfferState.OPEN),
    ]
    assert (await line.wish(wish)).ended_at is None


async def test_offers_of_a_coach_who_cannot_book_stay_open(db: Database) -> None:
    line, _ = await offered(db)

    await transact(db, blocks.block, GUILD, COACH, ADMIN, (BlockedFrom.BOOKING,), "", line.now)

    assert await line.open_to() == [ANN.user_id]


async def test_offers_in_other_servers_stay_open(db: Database) -> None:
    line, _ = await offered(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1)

    await transact(db, suspensions.suspend, GUILD + 1, COACH, ADMIN, "Complaints.", line.now)
    await transact(db, departures.handle_departure, GUILD + 1, ANN.user_id, Why.LEFT, line.now)

    assert await line.open_to() == [ANN.user_id]
