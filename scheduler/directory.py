"""Who can be booked: the coaches of a server as students browse them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachSpecialty, CoachStatus, Specialty
from scheduler import availability

_SOON = timedelta(days=7)
"""Most coaches have something free within this, so that the reservations of later weeks are not looked at."""
_LONGEST_HORIZON = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Listing:
    """One coach in the list."""

    coach: Coach
    specialties: list[str]
    next_free: datetime | None
    """First bookable start of the usual length (UTC); None if there is none up to the horizon."""


async def browse(session: AsyncSession, guild_id: int, student_id: int, now: datetime) -> list[Listing]:
    """Coaches who take bookings, soonest free first; those with nothing free come last.

    Costs a fixed number of queries, however many coaches and sessions there are.
    """
    coaches = [coach for coach in await named(session, guild_id, "") if coach.user_id != student_id]
    taught = await _specialties(session, guild_id)
    free = await _next_free(session, coaches, student_id, now, _SOON)
    late = [coach for coach in coaches if coach.user_id not in free]
    free |= await _next_free(session, late, student_id, now, _LONGEST_HORIZON)
    listings = [Listing(coach, taught[coach.user_id], free.get(coach.user_id)) for coach in coaches]
    return sorted(
        listings,
        key=lambda one: (one.next_free is None, one.next_free or now, one.coach.display_name.lower()),
    )


async def _next_free(
    session: AsyncSession, coaches: Sequence[Coach], student_id: int, now: datetime, within: timedelta
) -> dict[int, datetime]:
    """First free times of the usual length by user id, for those who have one by then."""
    until = now + within
    known = await availability.calendars(session, coaches, student_id=student_id, since=now, until=until)
    first = {
        coach.user_id: next(
            known[coach.user_id].free(
                timedelta(minutes=coach.durations_minutes[0]), now=now, since=now, until=until
            ),
            None,
        )
        for coach in coaches
    }
    return {user_id: at for user_id, at in first.items() if at is not None}


async def _specialties(session: AsyncSession, guild_id: int) -> Mapping[int, list[str]]:
    """What each coach of the server teaches, in the order of the server's list."""
    taught: dict[int, list[str]] = defaultdict(list)
    query = (
        select(CoachSpecialty.coach_id, Specialty.name)
        .join(Specialty, Specialty.id == CoachSpecialty.specialty_id)
        .where(CoachSpecialty.guild_id == guild_id)
        .order_by(Specialty.id)
    )
    for coach_id, name in await session.execute(query):
        taught[coach_id].append(name)
    return taught


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
