"""Who can be booked: the coaches of a server as students browse them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachStatus
from scheduler import availability
from scheduler.notices import coach_specialties


@dataclass(frozen=True, slots=True)
class Listing:
    """One coach in the list."""

    coach: Coach
    specialties: list[str]
    next_free: datetime | None
    """First bookable start of the usual length (UTC); None if there is none up to the horizon."""


async def browse(session: AsyncSession, guild_id: int, student_id: int, now: datetime) -> list[Listing]:
    """Coaches who take bookings, soonest free first; those with nothing free come last."""
    listings = [
        Listing(
            coach,
            await coach_specialties(session, guild_id, coach.user_id),
            await availability.first_free(session, coach, student_id=student_id, now=now),
        )
        for coach in await named(session, guild_id, "")
        if coach.user_id != student_id
    ]
    return sorted(
        listings,
        key=lambda one: (one.next_free is None, one.next_free or now, one.coach.display_name.lower()),
    )


async def named(session: AsyncSession, guild_id: int, part: str, *, most: int | None = None) -> list[Coach]:
    """Coaches who take bookings and whose name contains `part`, by name."""
    found = await session.scalars(
        select(Coach)
        .where(
            Coach.guild_id == guild_id,
            Coach.status == CoachStatus.APPROVED,
            Coach.accepting.is_(True),
            Coach.display_name.icontains(part, autoescape=True),
        )
        .order_by(Coach.display_name, Coach.user_id)
        .limit(most)
    )
    return list(found)
