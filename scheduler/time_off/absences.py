"""Days on which a coach is away, and the sessions then about which the coach has to decide."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Absence, Coach, CoachingSession, SessionStatus, Substitution
from scheduler.availability import changed_hours
from scheduler.core import audit, coaches
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, TooLate, Unreadable
from scheduler.time.local_time import start_of
from scheduler.time.time_zones import zone
from scheduler.time_off import closures

LONGEST_REASON = 200
MOST_UPCOMING = 10
"""How many absences a coach can have ahead."""
_DAY = timedelta(days=1)


class Affected(NamedTuple):
    """A session while its coach is away, about which the coach still has to decide."""

    session: CoachingSession
    question: Substitution | None
    """The open question whether somebody else takes it over."""


class Away(NamedTuple):
    """An absence, and what's still to be decided about it, soonest first."""

    absence: Absence
    sessions: Sequence[Affected]

    @property
    def left(self) -> list[CoachingSession]:
        """Return the sessions for which nothing has been done yet."""
        return [one.session for one in self.sessions if one.question is None]


def today_of(coach: Coach, now: datetime) -> date:
    """Return the date on the coach's clock."""
    return now.astimezone(zone(coach.time_zone)).date()


def check_days(coach: Coach, first: date, last: date, now: datetime) -> None:
    """Raise Unreadable for days that are over, too many, or in the wrong order."""
    closures.check_range(first, last, today_of(coach, now), "You can be away")


async def go_away(
    session: AsyncSession, guild_id: int, actor: Actor, first: date, last: date, reason: str, now: datetime
) -> Absence:
    """Take no bookings from `first` to `last`, both included, on the coach's own calendar. Booked sessions stay.

    Doing it twice changes nothing. Raises NotFound for anyone but approved coaches, Unreadable for days that can't
    be, a reason that's too long, or too many absences.
    """
    coach = await coaches.approved_coach(session, guild_id, actor.user_id, own=True, lock=True)
    check_days(coach, first, last, now)
    if len(reason := " ".join(reason.split())) > LONGEST_REASON:
        raise Unreadable(f"The reason has {len(reason)} characters; at most {LONGEST_REASON} fit.")
    upcoming = await _upcoming(session, coach, now)
    if (same := next((one for one in upcoming if (one.first, one.last) == (first, last)), None)) is not None:
        return same
    if len(upcoming) >= MOST_UPCOMING:
        raise Unreadable(f"You're away {MOST_UPCOMING} times already. Press **I'm back** on one of them first.")
    made = Absence(
        guild_id=guild_id, coach_id=coach.user_id, first=first, last=last, reason=reason or None, created_at=now
    )
    session.add(made)
    await session.flush()
    record(session, made, "absence_added", actor, now)
    return made


async def find_own(
    session: AsyncSession, absence_id: int, guild_id: int, actor: Actor, *, lock: bool = False
) -> Absence:
    """Return an absence of the actor. Raises NotFound."""
    found = await session.get(Absence, absence_id, with_for_update=lock, populate_existing=lock)
    if found is None or (found.guild_id, found.coach_id) != (guild_id, actor.user_id):
        raise NotFound("You have no such absence. `/availability` shows when you're away.")
    return found


async def find_current(session: AsyncSession, absence_id: int, guild_id: int, actor: Actor) -> Absence:
    """Return an absence of the actor that hasn't been ended. Raises NotFound, TooLate."""
    found = await find_own(session, absence_id, guild_id, actor)
    if found.ended_at is not None:
        raise TooLate("You've said that you're back. To be away again, press **Away…** in `/availability`.")
    return found


async def end(session: AsyncSession, absence: Absence, coach: Coach, actor: Actor, now: datetime) -> None:
    """Let these days be booked again. The coach must be locked."""
    absence.ended_at = now
    record(session, absence, "absence_ended", actor, now)
    await session.flush()
    await changed_hours.announce(session, coach, now)


async def list_upcoming(session: AsyncSession, coach: Coach, now: datetime) -> list[Away]:
    """List a coach's absences that aren't over, soonest first, with what's still to be decided."""
    return [await look(session, one, coach, now) for one in await _upcoming(session, coach, now)]


async def look(session: AsyncSession, absence: Absence, coach: Coach, now: datetime) -> Away:
    """Return what's still to be decided about an absence: nothing once it was ended."""
    rows = await sessions_in(session, absence, coach, now) if absence.ended_at is None else []
    ids = [one.id for one in rows]
    is_open = Substitution.session_id.in_(ids), Substitution.closed_at.is_(None)
    asked = (
        {one.session_id: one for one in await session.scalars(select(Substitution).where(*is_open))} if ids else {}
    )
    undecided = [one for one in rows if not is_kept(absence, one)]
    return Away(absence, [Affected(one, asked.get(one.id)) for one in undecided])


async def sessions_in(
    session: AsyncSession, absence: Absence, coach: Coach, now: datetime
) -> Sequence[CoachingSession]:
    """Return the coach's upcoming sessions in an absence, soonest first."""
    since, until = period(absence, coach)
    ahead = (
        CoachingSession.guild_id == absence.guild_id,
        CoachingSession.coach_id == absence.coach_id,
        CoachingSession.status == SessionStatus.SCHEDULED,
        CoachingSession.starts_at > now,
        CoachingSession.starts_at < until,
        CoachingSession.ends_at > since,
    )
    by_start = select(CoachingSession).where(*ahead).order_by(CoachingSession.starts_at, CoachingSession.id)
    return (await session.scalars(by_start)).all()


def period(absence: Absence, coach: Coach) -> tuple[datetime, datetime]:
    """Return `[start, end)` of an absence."""
    in_zone = zone(coach.time_zone)
    return start_of(in_zone, absence.first), start_of(in_zone, absence.last + _DAY)


def is_kept(absence: Absence, row: CoachingSession) -> bool:
    """Whether it was decided to keep the session when its coach knew that they'd be away."""
    return row.kept_at is not None and row.kept_at >= absence.created_at


async def _upcoming(session: AsyncSession, coach: Coach, now: datetime) -> Sequence[Absence]:
    current = (
        Absence.guild_id == coach.guild_id,
        Absence.coach_id == coach.user_id,
        Absence.ended_at.is_(None),
        Absence.last >= today_of(coach, now),
    )
    return (await session.scalars(select(Absence).where(*current).order_by(Absence.first, Absence.id))).all()


def record(session: AsyncSession, absence: Absence, action: str, actor: Actor, now: datetime) -> None:
    """Record in the audit log what the coach did with an absence."""
    details = {"first": absence.first.isoformat(), "last": absence.last.isoformat()}
    about = {"actor_id": actor.user_id, "coach_id": absence.coach_id, "details": details}
    audit.record(session, absence.guild_id, action, at=now, **about)
