"""Which seats of a workshop are free."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Hold, Seat


def is_free(now: datetime) -> ColumnElement[bool]:
    """Whether nobody has a seat, and nobody who is paying for it keeps it.

    Asks whether its hold has run out, and not whether one still runs: PostgreSQL checks a seat again that changed
    while it was looked for, but sees only such holds as there were before.
    """
    ran_out = exists().where(Hold.id == Seat.hold_id, Hold.expires_at <= now)
    return and_(Seat.user_id.is_(None), or_(Seat.hold_id.is_(None), ran_out))


async def free_seats(session: AsyncSession, session_ids: Collection[int], now: datetime) -> dict[int, int]:
    """Return how many seats are free in each of these workshops."""
    if not session_ids:
        return {}
    counted = select(Seat.session_id, func.count()).where(Seat.session_id.in_(session_ids), is_free(now))
    found = dict(list(await session.execute(counted.group_by(Seat.session_id))))
    return {one: found.get(one, 0) for one in session_ids}
