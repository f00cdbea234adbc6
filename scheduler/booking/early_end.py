"""Ending a running session before its time."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild
from scheduler.attendance import outcomes
from scheduler.booking import reservations
from scheduler.sessions import planning


async def end(session: AsyncSession, found: CoachingSession, guild: Guild, now: datetime) -> None:
    """End a running session without checking permission, and decide who attended.

    If someone is absent, the next tick decides: it first asks Discord what kept them out.
    """
    await reservations.shift_end(session, found, now)
    found.ends_at, found.revision = now, found.revision + 1
    if not await outcomes.absent_ids(session, found, guild, now):
        await outcomes.finish(session, found, guild, now)
    planning.plan_next_step(found, guild, now)
