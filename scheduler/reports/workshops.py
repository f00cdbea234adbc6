"""What admins see of workshops: how many seats were taken, what's overdue, and which scheduled events fail."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Label, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Participant, ParticipantStatus, SessionStatus, Workshop
from scheduler.reports.local_days import LocalDays

_OVER = (SessionStatus.COMPLETED, SessionStatus.NO_SHOW, SessionStatus.CANCELLED)


class Held(NamedTuple):
    """How many workshops are coming up, and what became of those that started on certain days."""

    upcoming: int = 0
    """Now, whatever the days."""
    held: int = 0
    cancelled: int = 0
    """Workshops that would have started on these days."""
    seats: int = 0
    """Seats of those that were held."""
    taken: int = 0
    """How many of these seats were taken."""


def taken() -> Label[int]:
    """Build the column `taken`: how many people have a seat in a workshop, or had one to its end."""
    has_seat = Participant.session_id == Workshop.session_id, Participant.status != ParticipantStatus.LEFT
    return select(func.count()).where(*has_seat).correlate(Workshop).scalar_subquery().label("taken")


async def count(session: AsyncSession, guild_id: int, calendar: LocalDays) -> Held:
    """Count the workshops that are coming up, those that started on these days, and their seats."""
    mine = CoachingSession.guild_id == guild_id, CoachingSession.is_workshop
    ahead = select(func.count()).where(*mine, CoachingSession.status == SessionStatus.SCHEDULED)
    found = Held(upcoming=await session.scalar(ahead) or 0)
    over = *mine, CoachingSession.status.in_(_OVER)
    rows = calendar.rows(CoachingSession.starts_at, CoachingSession.id, CoachingSession.status, where=over)
    joined = select(rows.c.status, Workshop.seats, taken()).join(Workshop, Workshop.session_id == rows.c.id)
    each = joined.subquery()
    sums = select(each.c.status, func.count(), func.sum(each.c.seats), func.sum(each.c.taken))
    for status, number, seats, people in await session.execute(sums.group_by(each.c.status)):
        if status is SessionStatus.CANCELLED:
            found = found._replace(cancelled=number)
        else:
            seats, people = found.seats + int(seats), found.taken + int(people)
            found = found._replace(held=found.held + number, seats=seats, taken=people)
    return found


async def count_overdue(session: AsyncSession, guild_id: int, since: datetime) -> int:
    """Count workshops on which nothing was done although something was due at `since`: a deadline or an event."""
    overdue = Workshop.guild_id == guild_id, Workshop.next_step_at <= since
    return await session.scalar(select(func.count()).where(*overdue)) or 0


async def list_failing(session: AsyncSession, guild_id: int, most: int) -> Sequence[Workshop]:
    """Return the workshops whose scheduled event fails and is tried again, soonest first."""
    failing = Workshop.guild_id == guild_id, Workshop.last_error.is_not(None), Workshop.next_step_at.is_not(None)
    soonest = select(Workshop).join(Workshop.session).where(*failing).order_by(CoachingSession.starts_at)
    return list(await session.scalars(soonest.limit(most)))
