"""What a coach shows of themselves, and to whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachStatus
from scheduler import applications, availability
from scheduler.applications import NO_SUCH_COACH
from scheduler.errors import NotFound
from scheduler.notices import coach_specialties
from scheduler.people import Actor


@dataclass(frozen=True, slots=True)
class Profile:
    """One coach as one person sees them."""

    coach: Coach
    specialties: list[str]
    next_free: datetime | None
    """First start of the usual length that this person can book (UTC); None if there is none."""
    is_public: bool
    """False for what only the person themselves and admins see."""


async def seen_by(session: AsyncSession, guild_id: int, user_id: int, actor: Actor, now: datetime) -> Profile:
    """This person's profile. Whoever does not coach (any more) is shown to themselves and to admins only.

    Raises NotFound, with what to do instead.
    """
    coach, own = await applications.find(session, guild_id, user_id), actor.user_id == user_id
    if coach is None:
        raise NotFound("You do not coach here yet. Apply with `/coach apply`." if own else NO_SUCH_COACH)
    is_public = coach.status is CoachStatus.APPROVED and coach.left_at is None
    if not (is_public or own or actor.is_admin):
        raise NotFound(NO_SUCH_COACH)
    taught = await coach_specialties(session, guild_id, user_id)
    return Profile(coach, taught, await _next_free(session, coach, actor, now) if is_public else None, is_public)


async def _next_free(session: AsyncSession, coach: Coach, actor: Actor, now: datetime) -> datetime | None:
    usual = timedelta(minutes=coach.durations_minutes[0])
    return next(await availability.free_times(session, coach, usual, student_id=actor.user_id, now=now), None)
