"""Find and sort the coaches of a server for students."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachSpecialty, CoachStatus, Guild, Specialty
from scheduler.availability import free_times
from scheduler.parsing import names

_SOON = timedelta(days=7)
"""Most coaches have a free time this soon, so later weeks usually needn't be loaded."""
_LONGEST_HORIZON = timedelta(days=366)


class Sort(Enum):
    """How to sort coaches."""

    SOONEST = 0
    BEST_RATED = 1
    LOWEST_RATE = 2


class Listing(NamedTuple):
    """A coach in the list."""

    coach: Coach
    specialties: list[str]
    next_free: datetime | None
    """First bookable start (UTC) for the usual length; None if there is none before the horizon."""

    @property
    def rating(self) -> float | None:
        """Return the average stars, or None without reviews."""
        return self.coach.rating_total / self.coach.rating_count if self.coach.rating_count else None


async def browse(
    session: AsyncSession,
    guild_id: int,
    student_id: int,
    now: datetime,
    *,
    specialty_id: int = 0,
    sort: Sort = Sort.SOONEST,
) -> list[Listing]:
    """List coaches who take bookings, for one specialty or (0) all. Coaches with nothing free come last.

    Takes a fixed number of queries, however many coaches and sessions there are.
    """
    coaches = [coach for coach in await find_coaches(session, guild_id, "") if coach.user_id != student_id]
    taught = await specialties_by_coach(session, guild_id)
    if specialty_id:
        coaches = [coach for coach in coaches if specialty_id in taught[coach.user_id]]
    free = await next_free(session, coaches, student_id, now)
    listings = [Listing(coach, list(taught[coach.user_id].values()), free.get(coach.user_id)) for coach in coaches]
    currency = None
    if sort is Sort.LOWEST_RATE:
        currency = await session.scalar(select(Guild.currency).where(Guild.id == guild_id))
    return sort_listings(listings, sort, now, currency or "")


def sort_listings(listings: Sequence[Listing], sort: Sort, now: datetime, currency: str) -> list[Listing]:
    """Sort listings, with nothing free last. `currency` is the server's."""
    return sorted(listings, key=lambda one: (one.next_free is None, *_order(one, sort, now, currency)))


def _order(one: Listing, sort: Sort, now: datetime, currency: str) -> tuple[Any, ...]:
    soonest = (one.next_free or now).timestamp()
    first = {
        Sort.SOONEST: soonest,
        Sort.BEST_RATED: -(one.rating or 0.0),
        Sort.LOWEST_RATE: _by_rate(one.coach, currency),
    }[sort]
    return first, soonest, *names.sort_key(one.coach.display_name, one.coach.user_id)


def _by_rate(coach: Coach, currency: str) -> tuple[bool, bool, str, int]:
    """Sort free coaching first, then by rate within each currency, starting with the server's."""
    return coach.rate_minor > 0, coach.currency != currency, coach.currency, coach.rate_minor


async def next_free(
    session: AsyncSession, coaches: Sequence[Coach], student_id: int, now: datetime
) -> dict[int, datetime]:
    """Return the first bookable start for the usual length by user id, for coaches who have one."""
    free = await _next_free_within(session, coaches, student_id, now, _SOON)
    late = [coach for coach in coaches if coach.user_id not in free]
    return free | await _next_free_within(session, late, student_id, now, _LONGEST_HORIZON)


async def _next_free_within(
    session: AsyncSession, coaches: Sequence[Coach], student_id: int, now: datetime, within: timedelta
) -> dict[int, datetime]:
    """Return first bookable starts by user id, for coaches with one that soon."""
    until = now + within
    known = await free_times.calendars(session, coaches, student_id=student_id, now=now, since=now, until=until)
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


async def specialties_by_coach(session: AsyncSession, guild_id: int) -> Mapping[int, dict[int, str]]:
    """Return each coach's specialties (id → name) by user id, in the server's order."""
    taught: dict[int, dict[int, str]] = defaultdict(dict)
    query = (
        select(CoachSpecialty.coach_id, Specialty.id, Specialty.name)
        .join(Specialty, Specialty.id == CoachSpecialty.specialty_id)
        .where(CoachSpecialty.guild_id == guild_id)
        .order_by(Specialty.id)
    )
    for coach_id, specialty_id, name in await session.execute(query):
        taught[coach_id][specialty_id] = name
    return taught


async def specialties(session: AsyncSession, guild_id: int) -> dict[int, str]:
    """Return the server's specialties (id → name). At most 25, the most a Discord menu can hold."""
    query = select(Specialty.id, Specialty.name).where(Specialty.guild_id == guild_id)
    return {row.id: row.name for row in await session.execute(query.order_by(Specialty.id).limit(25))}


async def find_coaches(
    session: AsyncSession, guild_id: int, part: str, *, most: int | None = None, paused_too: bool = False
) -> list[Coach]:
    """Return coaches whose name contains `part`, sorted by name. Paused ones only with `paused_too`."""
    coaches = await session.scalars(
        select(Coach).where(
            Coach.guild_id == guild_id,
            Coach.status == CoachStatus.APPROVED,
            or_(Coach.accepting, literal(paused_too)),
            Coach.left_at.is_(None),
        )
    )
    found = (
        coach
        for coach in coaches
        if names.contains(coach.display_name, part) and (paused_too or free_times.takes_bookings(coach))
    )
    return sorted(found, key=lambda coach: names.sort_key(coach.display_name, coach.user_id))[:most]
