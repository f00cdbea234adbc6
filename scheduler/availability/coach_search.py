"""Who can be booked: the coaches of a server as students browse them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachSpecialty, CoachStatus, Guild, Specialty
from scheduler.availability import free_times
from scheduler.parsing import names

_SOON = timedelta(days=7)
"""Most coaches have something free within this, so that the reservations of later weeks are not looked at."""
_LONGEST_HORIZON = timedelta(days=366)


class Sort(Enum):
    """In which order coaches are listed."""

    SOONEST = 0
    BEST_RATED = 1
    LOWEST_RATE = 2


@dataclass(frozen=True, slots=True)
class Listing:
    """One coach in the list."""

    coach: Coach
    specialties: list[str]
    next_free: datetime | None
    """First bookable start of the usual length (UTC); None if there is none up to the horizon."""

    @property
    def rating(self) -> float | None:
        """Average stars; None if nobody has given any."""
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
    """Coaches who take bookings, of one specialty or (0) of all; those with nothing free come last.

    Costs a fixed number of queries, however many coaches and sessions there are.
    """
    coaches = [coach for coach in await named(session, guild_id, "") if coach.user_id != student_id]
    taught = await _specialties(session, guild_id)
    if specialty_id:
        coaches = [coach for coach in coaches if specialty_id in taught[coach.user_id]]
    free = await next_free(session, coaches, student_id, now)
    listings = [Listing(coach, list(taught[coach.user_id].values()), free.get(coach.user_id)) for coach in coaches]
    currency = None
    if sort is Sort.LOWEST_RATE:
        currency = await session.scalar(select(Guild.currency).where(Guild.id == guild_id))
    return in_order(listings, sort, now, currency or "")


def in_order(listings: Sequence[Listing], sort: Sort, now: datetime, currency: str) -> list[Listing]:
    """Sort the listings, those with nothing free last. `currency` is the server's."""
    return sorted(listings, key=lambda one: (one.next_free is None, *_order(one, sort, now, currency)))


def _order(one: Listing, sort: Sort, now: datetime, currency: str) -> tuple[Any, ...]:
    soonest = (one.next_free or now).timestamp()
    first = {
        Sort.SOONEST: soonest,
        Sort.BEST_RATED: -(one.rating or 0.0),
        Sort.LOWEST_RATE: _by_rate(one.coach, currency),
    }[sort]
    return first, soonest, *names.place(one.coach.display_name, one.coach.user_id)


def _by_rate(coach: Coach, currency: str) -> tuple[bool, bool, str, int]:
    """Free first, then by rate within each currency, the server's first."""
    return coach.rate_minor > 0, coach.currency != currency, coach.currency, coach.rate_minor


async def next_free(
    session: AsyncSession, coaches: Sequence[Coach], student_id: int, now: datetime
) -> dict[int, datetime]:
    """The first start of the usual length that this student can book, by the coach's user id; without those who
    have none up to their horizon.
    """
    free = await _next_free(session, coaches, student_id, now, _SOON)
    late = [coach for coach in coaches if coach.user_id not in free]
    return free | await _next_free(session, late, student_id, now, _LONGEST_HORIZON)


async def _next_free(
    session: AsyncSession, coaches: Sequence[Coach], student_id: int, now: datetime, within: timedelta
) -> dict[int, datetime]:
    """First free times of the usual length by user id, for those who have one by then."""
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


async def _specialties(session: AsyncSession, guild_id: int) -> Mapping[int, dict[int, str]]:
    """What each coach of the server teaches (id → name), in the order of the server's list."""
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
    """What can be learnt here (id → name); a server has at most 25, as many as a list of Discord's holds."""
    query = select(Specialty.id, Specialty.name).where(Specialty.guild_id == guild_id)
    return {row.id: row.name for row in await session.execute(query.order_by(Specialty.id).limit(25))}


async def named(
    session: AsyncSession, guild_id: int, part: str, *, most: int | None = None, paused_too: bool = False
) -> list[Coach]:
    """Coaches who take bookings (with `paused_too` also the others) and whose name contains `part`, by name."""
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
    return names.in_order(found, lambda coach: (coach.display_name, coach.user_id))[:most]
