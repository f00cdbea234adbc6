"""Someone joins the waiting list at the moment when what they want becomes free."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import FreedTime, Guild, Wish
from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.waiting_list import wishes
from tests.support.bookings import STU
from tests.support.builders import COACH, DAY, GUILD, HOUR, MONDAY, a_server_with_a_coach, a_session
from tests.support.race_worker import Press, press
from tests.support.transactions import fetch_all, transact
from tests.support.waiting_list import WAITING, wanted

pytestmark = pytest.mark.slow

ANN = WAITING[0]
ROUNDS = range(12)
OPENS = MONDAY.replace(hour=8) + 2 * DAY
NEW_HOURS = 23
"""When the coach works, once their hours have changed."""

Step = Callable[[AsyncSession], Awaitable[object]]


async def wish(session: AsyncSession, starts_at: datetime) -> object:
    """Wait for exactly this hour."""
    hours = {"from_minute": starts_at.hour * 60, "until_minute": starts_at.hour * 60 + 60}
    guild, until = await session.get_one(Guild, GUILD), MONDAY + 6 * DAY
    return await wishes.add(session, guild, ANN, COACH, 60, wanted(until=until, **hours), MONDAY)


async def cancel(session: AsyncSession, session_id: int) -> object:
    return await cancellation.cancel(session, session_id, STU, GUILD, "", MONDAY)


async def open_hours(session: AsyncSession, weekday: int) -> object:
    window = (NEW_HOURS * 60, NEW_HOURS * 60 + 60)
    return await schedule.add_hours(session, GUILD, Actor(COACH), [weekday], window, MONDAY)


async def race(db: Database, joining: Step, freeing: Step, *, freed_first: bool) -> None:
    """Do both at once: either it was free already, or the time is kept for the line."""
    steps = (freeing, joining) if freed_first else (joining, freeing)

    ends = dict(zip(steps, await asyncio.gather(*(press(db, step) for step in steps)), strict=True))

    assert ends[freeing] == Press(won=True)
    kept = await fetch_all(db, select(FreedTime))
    assert (ends[joining], len(kept)) in ((Press(won=True), 1), (Press(refused="NotBookable"), 0))
    async with db.begin() as session:
        await session.execute(delete(FreedTime))
        await session.execute(delete(Wish))


@pytest.mark.parametrize("freed_first", [True, False])
async def test_whoever_joins_while_a_session_is_cancelled_is_not_forgotten(
    db: Database, freed_first: bool
) -> None:
    await a_server_with_a_coach(db, hours=[(OPENS.weekday(), OPENS.hour * 60, 20 * 60)], horizon_days=6)
    starts = [OPENS + number * HOUR for number in ROUNDS]
    booked = [(await transact(db, a_session, starts_at=at)).id for at in starts]

    for at, session_id in zip(starts, booked, strict=True):
        joining, freeing = partial(wish, starts_at=at), partial(cancel, session_id=session_id)
        await race(db, joining, freeing, freed_first=freed_first)


@pytest.mark.parametrize("freed_first", [True, False])
async def test_whoever_joins_while_hours_change_is_not_forgotten(db: Database, freed_first: bool) -> None:
    await a_server_with_a_coach(db, hours=[], horizon_days=6)
    late = MONDAY.replace(hour=NEW_HOURS)

    for weekday in range(5):
        async with db.begin() as session:
            await schedule.set_hours(session, GUILD, Actor(COACH), range(7), [], MONDAY)
        await race(
            db, partial(wish, starts_at=late), partial(open_hours, weekday=weekday), freed_first=freed_first
        )
