"""Days on which a server is closed: chosen by admins, or public holidays of a region."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Closure, Coach, CoachingSession, CoachStatus, Guild, SessionStatus
from models.storage.database import insert_if_absent
from scheduler.availability import changed_hours
from scheduler.booking import rescheduling
from scheduler.core import audit, members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, Unreadable
from scheduler.parsing.dates import write_date
from scheduler.sessions import events, freed_times
from scheduler.sessions.freed_times import FreedSeat
from scheduler.time.local_time import start_of
from scheduler.time.time_zones import zone
from scheduler.workshops.free_seats import free_seats

LONGEST_NAME = 100
_MOST_DAYS = 366
_YEARS_AHEAD = 2
"""Public holidays are known until the end of the year that many years from now, longer than anybody can book."""
_DAY = timedelta(days=1)


class Closed(NamedTuple):
    """A closure, and how many upcoming sessions nobody has decided about."""

    closure: Closure
    undecided: int


def today_in(guild: Guild, now: datetime) -> date:
    """Return the date on the server's clock."""
    return now.astimezone(zone(guild.time_zone)).date()


async def close(
    session: AsyncSession, guild: Guild, actor: Actor, first: date, last: date, name: str, now: datetime
) -> Closure:
    """Close the server from `first` to `last`, both included. Booked sessions stay.

    Raises NotAllowed for anyone but admins, Unreadable for days that can't be closed or a name that's too long.
    """
    actor.must_be_admin()
    check_days(guild, first, last, now)
    name = " ".join(name.split()) or "Closed"
    if len(name) > LONGEST_NAME:
        raise Unreadable(f"The name has {len(name)} characters; at most {LONGEST_NAME} fit.")
    made = Closure(guild_id=guild.id, first=first, last=last, name=name, created_at=now)
    session.add(made)
    await session.flush()
    _record(session, guild, actor, "closure_added", now, first, last)
    return made


def check_days(guild: Guild, first: date, last: date, now: datetime) -> None:
    """Raise Unreadable for days that are over, too many, or in the wrong order."""
    check_range(first, last, today_in(guild, now), "You can close")


def check_range(first: date, last: date, today: date, you_can: str) -> None:
    """Raise Unreadable for days that are over, too many, or in the wrong order.

    `you_can` begins the sentence that says how many are allowed.
    """
    if last < first:
        raise Unreadable(f"{write_date(last)} is before {write_date(first)}. Swap the two dates.")
    if last < today:
        raise Unreadable(f"{write_date(last)} is in the past. Type an upcoming date, with the year if needed.")
    if (count := (last - first).days + 1) > _MOST_DAYS:
        raise Unreadable(f"That's {count} days. {you_can} up to {_MOST_DAYS} at once.")


async def lift(session: AsyncSession, guild: Guild, actor: Actor, closure_id: int, now: datetime) -> Closure:
    """Open the server again on these days. Doing it twice changes nothing. Raises NotAllowed, NotFound."""
    actor.must_be_admin()
    coaches = await _lock_coaches(session, guild)
    found = await session.get(Closure, closure_id, with_for_update=True, populate_existing=True)
    if found is None or found.guild_id != guild.id:
        raise NotFound("There's no such closure in this server. `/coaching closures` lists them.")
    if found.lifted_at is None:
        found.lifted_at = now
        _record(session, guild, actor, "closure_lifted", now, found.first, found.last)
        await _announce(session, coaches, now)
        await announce_seats(session, await _undecided(session, guild, [found], now), now)
    return found


async def choose_holidays(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    region: str | None,
    holidays: Mapping[date, str],
    now: datetime,
) -> None:
    """Close the server on a region's public holidays, given by date, in place of those of another region.

    None for no region. Raises NotAllowed.
    """
    actor.must_be_admin()
    coaches = await _lock_coaches(session, guild)
    before, guild.holiday_region = guild.holiday_region, region
    upcoming = Closure.guild_id == guild.id, Closure.region.is_not(None), Closure.last >= today_in(guild, now)
    await session.execute(delete(Closure).where(*upcoming))
    guild.holidays_due_at = next_year(guild, now) if region is not None else None
    await add_holidays(session, guild, holidays, now)
    details = {"from": before, "to": region}
    audit.record(session, guild.id, "holidays_chosen", at=now, actor_id=actor.user_id, details=details)
    await _announce(session, coaches, now)


async def add_holidays(session: AsyncSession, guild: Guild, holidays: Mapping[date, str], now: datetime) -> None:
    """Close the server on those of these days that aren't known yet, also not as removed ones."""
    for day, name in holidays.items():
        values = {"guild_id": guild.id, "region": guild.holiday_region, "first": day}
        await insert_if_absent(session, Closure, **values, last=day, name=name, created_at=now)


def holidays_span(guild: Guild, now: datetime) -> tuple[date, date]:
    """Return from when until when (both included) public holidays are to be known."""
    today = today_in(guild, now)
    return today, date(today.year + _YEARS_AHEAD, 12, 31)


def next_year(guild: Guild, now: datetime) -> datetime:
    """Return when the next year begins on the server's clock."""
    return start_of(zone(guild.time_zone), date(today_in(guild, now).year + 1, 1, 1))


async def list_upcoming(session: AsyncSession, guild: Guild, actor: Actor, now: datetime) -> list[Closed]:
    """List the closures that aren't over, soonest first. Raises NotAllowed."""
    actor.must_be_admin()
    found = await _upcoming(session, guild, now)
    undecided = await _undecided(session, guild, found, now)
    return [Closed(one, sum(_touches(guild, one, row) for row in undecided)) for one in found]


async def list_sessions(session: AsyncSession, guild: Guild, actor: Actor, now: datetime) -> list[CoachingSession]:
    """List the upcoming sessions on closed days that nobody has decided about, soonest first.

    Raises NotAllowed.
    """
    actor.must_be_admin()
    return await _undecided(session, guild, await _upcoming(session, guild, now), now)


async def keep(
    session: AsyncSession, session_id: int, guild: Guild, actor: Actor, now: datetime
) -> CoachingSession:
    """Keep a session although the server is closed then. Raises NotAllowed, NotFound, TooLate."""
    actor.must_be_admin()
    found = await rescheduling.find_ahead(session, session_id, actor, now, lock=True, guild_id=guild.id)
    found.kept_at = found.updated_at = now
    await announce_seats(session, [found], now)
    events.record(session, found, "session_kept", actor, now)
    return found


async def _upcoming(session: AsyncSession, guild: Guild, now: datetime) -> Sequence[Closure]:
    current = Closure.guild_id == guild.id, Closure.lifted_at.is_(None), Closure.last >= today_in(guild, now)
    found = await session.scalars(select(Closure).where(*current).order_by(Closure.first, Closure.id))
    return found.all()


async def _undecided(
    session: AsyncSession, guild: Guild, closures: Sequence[Closure], now: datetime
) -> list[CoachingSession]:
    if not closures:
        return []
    in_zone = zone(guild.time_zone)
    until = start_of(in_zone, max(one.last for one in closures) + _DAY)
    ahead = (
        CoachingSession.guild_id == guild.id,
        CoachingSession.status == SessionStatus.SCHEDULED,
        CoachingSession.starts_at > now,
        CoachingSession.starts_at < until,
        # The index of what's due has only what isn't over.
        CoachingSession.next_step_at.is_not(None),
    )
    rows = await session.scalars(
        select(CoachingSession).where(*ahead).order_by(CoachingSession.starts_at, CoachingSession.id)
    )
    return [row for row in rows if any(_touches(guild, one, row) and not _is_kept(one, row) for one in closures)]


def _touches(guild: Guild, one: Closure, row: CoachingSession) -> bool:
    in_zone = zone(guild.time_zone)
    return row.starts_at < start_of(in_zone, one.last + _DAY) and row.ends_at > start_of(in_zone, one.first)


def _is_kept(one: Closure, row: CoachingSession) -> bool:
    """Whether somebody decided to keep the session when they knew of the closure."""
    return row.kept_at is not None and row.kept_at >= one.created_at


async def _lock_coaches(session: AsyncSession, guild: Guild) -> Sequence[Coach]:
    """Lock whoever coaches here, before anything else, because their time may be free afterwards."""
    theirs = Coach.guild_id == guild.id, Coach.status == CoachStatus.APPROVED, Coach.left_at.is_(None)
    found = (await session.scalars(select(Coach).where(*theirs).order_by(Coach.user_id))).all()
    await members.lock(session, *(one.user_id for one in found))
    return found


async def _announce(session: AsyncSession, coaches: Sequence[Coach], now: datetime) -> None:
    """Let the waiting list look for what may be free now."""
    for one in coaches:
        await changed_hours.announce(session, one, now)


async def announce_seats(session: AsyncSession, rows: Sequence[CoachingSession], now: datetime) -> None:
    """Let the waiting list have the free seats of those of these sessions that are workshops."""
    free = await free_seats(session, [one.id for one in rows if one.is_workshop], now)
    for session_id, count in free.items():
        for _ in range(count):
            await freed_times.announce_seat(session, FreedSeat(session_id), now)


def _record(
    session: AsyncSession, guild: Guild, actor: Actor, action: str, now: datetime, first: date, last: date
) -> None:
    details = {"first": first.isoformat(), "last": last.isoformat()}
    audit.record(session, guild.id, action, at=now, actor_id=actor.user_id, details=details)
