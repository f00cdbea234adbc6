"""In which order rows are held against others: people, then a coach, then sessions, each kind by ascending id.

Whoever keeps to it never waits in a circle. A transaction that needs none of one kind passes it over, and takes
none of an earlier kind afterwards. People are held by `scheduler.core.members.lock`.
"""

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession
from scheduler.core import members

_AT_ONCE = 500
"""Values in one statement; both engines refuse some ten thousands."""


async def lock_coach(session: AsyncSession, guild_id: int, user_id: int) -> Coach | None:
    """Hold a coach who is to be changed, and give back the row as it is now.

    Nobody books, holds or moves their time until the transaction ends: whoever does that holds both people first
    and reads the coach afterwards. So a booking that is under way is waited for, and seen by what follows from the
    change, and one that comes later finds the coach changed.
    """
    await members.lock(session, user_id)
    return await session.get(Coach, (guild_id, user_id), with_for_update=True, populate_existing=True)


async def lock_sessions(session: AsyncSession, *which: ColumnElement[bool]) -> list[CoachingSession]:
    """Hold several sessions, and give back their rows as they are now."""
    # Found first, and not in the order of ids, for which SQLite would walk through all that ever were: this order
    # takes the index of what the loop still looks at.
    found = select(CoachingSession.id).where(*which).order_by(CoachingSession.next_step_at)
    ids = sorted(await session.scalars(found))
    held: list[CoachingSession] = []
    for first in range(0, len(ids), _AT_ONCE):
        some = (
            select(CoachingSession)
            .where(CoachingSession.id.in_(ids[first : first + _AT_ONCE]), *which)
            .order_by(CoachingSession.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        held.extend(await session.scalars(some))
    return held
