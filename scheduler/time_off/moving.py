"""Other times for sessions that can't take place: the next free ones of the same coach."""

from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession
from scheduler.availability import free_times
from scheduler.booking import rescheduling
from scheduler.core.actor import Actor

_MOST = 3


async def next_times(
    session: AsyncSession, found: CoachingSession, actor: Actor, now: datetime, *, most: int = _MOST
) -> list[datetime]:
    """Return the next free times after a session's own that suit coach and student; fewer if there aren't as many.

    Raises as `rescheduling.find_coach` does.
    """
    coach = await rescheduling.find_coach(session, found, actor)
    free = await free_times.free_times(
        session,
        coach,
        found.duration,
        student_id=found.student_id,
        now=now,
        since=found.starts_at + timedelta(minutes=1),
        rescheduling_id=found.id,
    )
    return list(islice(free, most))
