"""Credit of `STUDENT` in `GUILD`, and what's left of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, CreditEntry, CreditLot, Guild, LotSource
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.credits import charges, ledger
from tests.support.bookings import STU, TEN
from tests.support.builders import COACH, GUILD, MINUTE, MONDAY, STUDENT
from tests.support.transactions import fetch_all


async def a_lot(session: AsyncSession, minutes: int = 60, *, now: datetime = MONDAY, **changed: Any) -> CreditLot:
    """Store a lot of `STUDENT` for any coach, for ever."""
    values: dict[str, Any] = {"guild_id": GUILD, "user_id": STUDENT, "source": LotSource.GRANT}
    return await ledger.grant(session, CreditLot(**values | changed), minutes, now)


async def book_with_credit(
    session: AsyncSession,
    actor: Actor = STU,
    starts_at: datetime = TEN,
    *,
    coach_id: int = COACH,
    minutes: int = 60,
    now: datetime = MONDAY,
) -> CoachingSession:
    guild = await session.get_one(Guild, GUILD)
    return await charges.book(session, guild, actor, coach_id, starts_at, minutes * MINUTE, None, now)


async def left(db: Database) -> list[int]:
    """Return the minutes left in each lot, as the database counts them."""
    return [lot.minutes_left for lot in await fetch_all(db, select(CreditLot).order_by(CreditLot.id))]


async def entries(db: Database) -> list[tuple[int, str, int]]:
    """Return lot, kind and minutes of each entry."""
    found = await fetch_all(db, select(CreditEntry).order_by(CreditEntry.id))
    return [(one.lot_id, one.kind, one.minutes) for one in found]
