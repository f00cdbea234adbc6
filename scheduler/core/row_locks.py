"""Locking rows in one order, to prevent deadlocks: people, a coach, sessions, then credit, each by ascending id.

A transaction may skip a kind, but never goes back to an earlier one. `scheduler.core.members.lock` locks people.
"""

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession
from scheduler.core import members

_AT_ONCE = 500
"""Ids per statement. Both engines refuse tens of thousands."""


async def lock_coach(session: AsyncSession, guild_id: int, user_id: int) -> Coach | None:
    """Lock a coach in order to change them, and return the row as it is now.

    Nobody can book, hold or reschedule their time until the transaction ends, since that locks both people before
    reading the coach. So the change sees every earlier booking, and every later booking sees the change.
    """
    await members.lock(session, user_id)
    return await session.get(Coach, (guild_id, user_id), with_for_update=True, populate_existing=True)


async def lock_sessions(session: AsyncSession, *which: ColumnElement[bool]) -> list[CoachingSession]:
    """Lock several sessions, and return their rows as they are now."""
    # Found by due time first: in the order of ids, SQLite would scan all past sessions, too, instead of
    # using the index of unfinished ones.
    found = select(CoachingSession.id).where(*which).order_by(CoachingSession.next_step_at)
    ids = sorted(await session.scalars(found))
    locked: list[CoachingSession] = []
    for first in range(0, len(ids), _AT_ONCE):
        some = (
            select(CoachingSession)
            .where(CoachingSession.id.in_(ids[first : first + _AT_ONCE]), *which)
            .order_by(CoachingSession.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        locked.extend(await session.scalars(some))
    return locked
