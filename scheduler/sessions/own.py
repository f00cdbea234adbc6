"""A person's own sessions in a span of time."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import LONGEST_RESERVATION, Coach, CoachingSession, Reservation


class OwnSession(NamedTuple):
    """A session without its buffers. `coach_name` is empty if the person coaches it."""

    starts_at: datetime
    ends_at: datetime
    coach_name: str


async def own_sessions(session: AsyncSession, user_id: int, since: datetime, until: datetime) -> list[OwnSession]:
    """Return the part in `[since, until)` of this person's sessions, as coach or student, in all servers."""
    found = await session.execute(
        select(CoachingSession.starts_at, CoachingSession.ends_at, Coach.user_id, Coach.display_name)
        .join(Reservation, Reservation.session_id == CoachingSession.id)
        .join(Coach, and_(Coach.guild_id == CoachingSession.guild_id, Coach.user_id == CoachingSession.coach_id))
        .where(
            Reservation.user_id == user_id,
            Reservation.starts_at > since - LONGEST_RESERVATION,
            Reservation.starts_at < until,
        )
        .order_by(CoachingSession.starts_at)
    )
    return [
        OwnSession(max(start, since), min(end, until), "" if coach_id == user_id else name)
        for start, end, coach_id, name in found
        if start < until and end > since
    ]
