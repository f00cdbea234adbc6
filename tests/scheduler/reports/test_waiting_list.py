"""Figures of the waiting list: by period and server, and what's overdue."""

from models import OfferState
from models.storage.database import Database
from scheduler.reports import waiting_list
from scheduler.reports.local_days import LocalDays
from scheduler.reports.waiting_list import Offered
from tests.support.bookings import STU
from tests.support.builders import DAY, GUILD, HOUR, MINUTE, MONDAY
from tests.support.transactions import query
from tests.support.waiting_list import WAITING, Line, a_line

ANN, BOB, CAT = WAITING[:3]


async def counted(line: Line, guild_id: int = GUILD, *, days: int = 0) -> Offered:
    """Count what was offered on the Monday, or as many days later."""
    day = (MONDAY + days * DAY).date()
    async with line.db.read() as session:
        return await waiting_list.count_offers(session, guild_id, LocalDays.of(session, "UTC", day, day))


async def test_offers_count_on_the_day_when_they_were_made(db: Database) -> None:
    line, booked = await a_line(db)
    for person in (ANN, BOB, CAT, CAT):
        await line.waits(person)
    await line.cancel(booked, STU)
    await line.tick()
    await line.tick(2 * HOUR + MINUTE)

    assert [one.state for one in await line.offers()] == [OfferState.LAPSED, OfferState.OPEN]
    assert await counted(line) == Offered(waiting=3, made=2, lapsed=1)
    assert await counted(line, days=1) == Offered(waiting=3)
    assert await counted(line, GUILD + 1) == Offered()


async def test_what_nobody_did_is_overdue_in_the_coachs_servers(db: Database) -> None:
    line, booked = await a_line(db)
    await line.waits(ANN)
    await line.cancel(booked, STU)
    freed = [await query(db, waiting_list.count_overdue, one, line.now) for one in (GUILD, GUILD + 1)]
    await line.tick()
    offered = [await query(db, waiting_list.count_overdue, GUILD, line.now + hours * HOUR) for hours in (0, 3)]

    assert freed == [1, 0]
    assert offered == [0, 1]
