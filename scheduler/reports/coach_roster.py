"""List a server's coaches for its admins, with every reason someone can't be booked."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AHEAD, Block, Coach, CoachingSession, CoachStatus, SessionStatus
from scheduler.availability import closed_times, coach_search, free_times, schedule
from scheduler.availability.schedule import Dates, Week
from scheduler.availability.slots import Closed, Hours, SlotRefusal
from scheduler.booking import blocks
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.coaches import coach_specialties
from scheduler.core.errors import NotFound
from scheduler.core.pages import Page
from scheduler.parsing import names
from scheduler.parsing.durations import write_length
from scheduler.time.intervals import intersect
from scheduler.time.time_zones import is_known, zone

_NO_STUDENT = 0
"""Stands in for a student who has nothing else planned."""
_ORDER = (CoachStatus.PENDING, CoachStatus.APPROVED, CoachStatus.SUSPENDED, CoachStatus.REJECTED)
_STATUS_REASONS = {
    CoachStatus.PENDING: "waiting for approval: `/coach approve`",
    CoachStatus.REJECTED: "application rejected",
    CoachStatus.SUSPENDED: "suspended: `/coach reinstate`",
}


class Entry(NamedTuple):
    """A coach or applicant."""

    coach: Coach
    week: Week
    upcoming: int
    """Sessions that are booked or running."""
    next_free: datetime | None
    """First bookable start (UTC) for the usual length."""
    reasons: tuple[str, ...]
    """Every reason nobody can book them; empty if they can be booked."""
    blocked: Sequence[Block] = ()
    """What admins have blocked them from."""

    @property
    def weekly_total(self) -> timedelta:
        """Return the weekly hours in total, ignoring date overrides and clock changes."""
        return timedelta(minutes=sum(end - start for day in self.week.values() for start, end in day))


class Profile(NamedTuple):
    """Everything about a coach or applicant."""

    entry: Entry
    specialties: Sequence[str]
    dates: Sequence[Dates]
    """Upcoming date overrides. Only the coach may see their reasons."""
    sessions: Mapping[SessionStatus, int]


async def list_coaches(
    session: AsyncSession, guild_id: int, actor: Actor, now: datetime, *, page: int, size: int
) -> Page[Entry]:
    """Return a page of coaches and applicants: waiting applications first, then by status and name.

    Raises NotAllowed. Takes a fixed number of queries, however many coaches and sessions there are.
    """
    actor.must_be_admin()
    query = select(Coach.user_id, Coach.display_name, Coach.status).where(Coach.guild_id == guild_id)
    ranked = sorted(
        await session.execute(query),
        key=lambda one: (_ORDER.index(one.status), *names.sort_key(one.display_name, one.user_id)),
    )
    ids = [one.user_id for one in ranked[page * size :][: size + 1]]
    rows = await session.scalars(select(Coach).where(Coach.guild_id == guild_id, Coach.user_id.in_(ids)))
    found = sorted(rows, key=lambda coach: ids.index(coach.user_id))
    return Page(await _entries(session, guild_id, found[:size], now), has_more=len(found) > size)


async def profile(session: AsyncSession, guild_id: int, actor: Actor, user_id: int, now: datetime) -> Profile:
    """Return everything about a coach or applicant. Raises NotAllowed or NotFound."""
    actor.must_be_admin()
    coach = await session.get(Coach, (guild_id, user_id))
    if coach is None:
        raise NotFound(f"<@{user_id}> has never applied to coach here. They can with `/coach apply`.")
    [entry] = await _entries(session, guild_id, [coach], now)
    return Profile(
        entry,
        specialties=await coach_specialties(session, guild_id, user_id),
        dates=await schedule.dates_of(session, coach, now.astimezone(zone(coach.time_zone)).date()),
        sessions=await _count_by_status(session, coach),
    )


async def _entries(session: AsyncSession, guild_id: int, coaches: Sequence[Coach], now: datetime) -> list[Entry]:
    if not coaches:
        return []
    weeks = await schedule.weeks_of(session, coaches)
    until = now + timedelta(days=max(coach.horizon_days for coach in coaches) + 1)
    hours = await free_times.hours_of_each(session, coaches, since=now, until=until)
    closed = await closed_times.closed_times_of_each(session, coaches, now, until)
    free = await coach_search.next_free(
        session, [one for one in coaches if not _status_reasons(one)], _NO_STUDENT, now
    )
    user_ids = [coach.user_id for coach in coaches]
    upcoming = await _count_upcoming(session, guild_id, user_ids)
    blocked = await blocks.list_blocks_of_each(session, guild_id, user_ids)
    reasons = {
        coach.user_id: _reasons(coach, hours[coach.user_id], closed[coach.user_id], now)
        for coach in coaches
        if coach.user_id not in free
    }
    return [
        Entry(
            coach,
            weeks[coach.user_id],
            upcoming.get(coach.user_id, 0),
            free.get(coach.user_id),
            tuple(reasons.get(coach.user_id, ())),
            blocked.get(coach.user_id, ()),
        )
        for coach in coaches
    ]


def _reasons(coach: Coach, hours: Hours, closed: Sequence[Closed], now: datetime) -> list[str]:
    """Return every reason a coach has nothing free, so fixing one doesn't just reveal the next."""
    reasons = _status_reasons(coach)
    if coach.status is CoachStatus.APPROVED and is_known(coach.time_zone):
        if without_sessions := _hours_reason(coach, hours, closed, now):
            reasons.append(without_sessions)
        elif not reasons:
            reasons.append(f"fully booked or at their limit for the next {_days(coach)}")
    return reasons


def _status_reasons(coach: Coach) -> list[str]:
    """Return the reasons nobody can book them, whatever their hours."""
    reasons = [_STATUS_REASONS[coach.status]] if coach.status in _STATUS_REASONS else []
    if coach.left_at is not None:
        reasons.append(f"left the server {stamp(coach.left_at, 'R')}")
    if not coach.accepting:
        reasons.append("bookings paused in `/availability`")
    if not is_known(coach.time_zone):
        reasons.append(f'I no longer know their time zone "{coach.time_zone}": `/availability`, then **Zone…**')
    return reasons


def _hours_reason(coach: Coach, hours: Hours, closed: Sequence[Closed], now: datetime) -> str | None:
    """Return why the hours and rules leave no time for the usual length, even with nothing booked."""
    notice, usual = timedelta(minutes=coach.minimum_notice_minutes), timedelta(minutes=coach.durations_minutes[0])
    horizon = now + timedelta(days=coach.horizon_days)
    if now + notice > horizon:
        return f"needs {write_length(notice)} of notice, but can only be booked {_days(coach)} ahead"
    in_zone = zone(coach.time_zone)
    first, last = now.astimezone(in_zone).date(), (horizon + usual).astimezone(in_zone).date()
    # Yesterday's night shift can continue today.
    working = hours.working_time(in_zone, first - timedelta(days=1), last)
    ahead = intersect(working, [(now + notice, horizon + usual)])
    if not ahead:
        return f"no hours in the next {_days(coach)}: `/availability`"
    if all(end - start < usual for start, end in ahead):
        return f"no hours long enough for the usual {write_length(usual)}"
    if all(end - start < usual for start, end in closed_times.without(ahead, closed)):
        if all(one.why is SlotRefusal.AWAY for one in closed):
            return f"away for the next {_days(coach)}: `/availability`"
        return f"closed for the next {_days(coach)}: `/coaching closures`"
    return None


def _days(coach: Coach) -> str:
    return write_length(timedelta(days=coach.horizon_days))


async def _count_upcoming(session: AsyncSession, guild_id: int, user_ids: Collection[int]) -> dict[int, int]:
    query = (
        select(CoachingSession.coach_id, func.count())
        .where(
            CoachingSession.guild_id == guild_id,
            CoachingSession.coach_id.in_(user_ids),
            CoachingSession.status.in_(AHEAD),
        )
        .group_by(CoachingSession.coach_id)
    )
    return dict(list(await session.execute(query)))


async def _count_by_status(session: AsyncSession, coach: Coach) -> dict[SessionStatus, int]:
    query = (
        select(CoachingSession.status, func.count())
        .where(CoachingSession.guild_id == coach.guild_id, CoachingSession.coach_id == coach.user_id)
        .group_by(CoachingSession.status)
    )
    counts = dict(list(await session.execute(query)))
    return {status: counts.get(status, 0) for status in SessionStatus}
