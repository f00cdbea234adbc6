"""Ending a running session before its time."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild
from scheduler.attendance import outcomes
from scheduler.booking import reservations
from scheduler.notifications import outbox
from scheduler.sessions import lifecycle, planning


async def end(session: AsyncSession, found: CoachingSession, guild: Guild, now: datetime) -> None:
    """End a running session without checking permission, and decide who attended.

    Keeps the end that was agreed, and the price. If someone is absent, the next tick decides: it first asks
    Discord what kept them out.
    """
    ends_at = lifecycle.end_if_ended(found, now)
    await reservations.shift_end(session, found, ends_at)
    found.agreed_ends_at, found.ends_at = found.ends_at, ends_at
    found.revision += 1
    await outbox.requeue_direct(session, found.id, now)
    if not await outcomes.absent_ids(session, found, guild, ends_at):
        await outcomes.finish(session, found, guild, now)
    planning.plan_next_step(found, guild, now)
