"""When nothing takes place, whatever a coach's hours: while the server is closed, or the coach is away."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Absence, Closure, Coach, Guild
from scheduler.availability.slots import Closed, Period, SlotRefusal
from scheduler.core.errors import NotBookable
from scheduler.time.intervals import subtract
from scheduler.time.local_time import start_of
from scheduler.time.time_zones import zone

EXPLANATIONS = {
    SlotRefusal.CLOSED: "The server is closed that day.",
    SlotRefusal.AWAY: "The coach is away that day.",
}
"""Says in one sentence why a time can't be booked."""
_DAY = timedelta(days=1)


async def closed_times(session: AsyncSession, coach: Coach, since: datetime, until: datetime) -> list[Period]:
    """Return when nothing takes place with this coach, as far as it touches `[since, until)`."""
    found = await closed_times_of_each(session, [coach], since, until)
    return [(one.start, one.end) for one in found[coach.user_id]]


async def closed_times_of_each(
    session: AsyncSession, coaches: Sequence[Coach], since: datetime, until: datetime
) -> Mapping[int, list[Closed]]:
    """Return the same, with the reasons, for coaches on one server by user id."""
    found: dict[int, list[Closed]] = defaultdict(list)
    if coaches:
        for one in await _closures(session, coaches[0].guild_id, since, until):
            for coach in coaches:
                found[coach.user_id].append(one)
        await _add_absences(session, found, coaches, since, until)
    return found


async def _add_absences(
    session: AsyncSession,
    found: Mapping[int, list[Closed]],
    coaches: Sequence[Coach],
    since: datetime,
    until: datetime,
) -> None:
    """Add the days on which these coaches are away. They are on each coach's own calendar."""
    away = await session.execute(
        select(Absence.coach_id, Absence.first, Absence.last).where(
            Absence.guild_id == coaches[0].guild_id,
            Absence.coach_id.in_([one.user_id for one in coaches]),
            Absence.ended_at.is_(None),
            Absence.last >= (since - _DAY).date(),
            Absence.first <= (until + _DAY).date(),
        )
    )
    zones = {one.user_id: zone(one.time_zone) for one in coaches}
    for coach_id, first, last in away:
        in_zone = zones[coach_id]
        one = Closed(start_of(in_zone, first), start_of(in_zone, last + _DAY), SlotRefusal.AWAY)
        if one.start < until and one.end > since:
            found[coach_id].append(one)


def without(periods: Iterable[Period], closed: Iterable[Closed]) -> list[Period]:
    """Return what's left of these periods."""
    return [tuple(one) for one in subtract(periods, ((one.start, one.end) for one in closed))]


async def check_open(session: AsyncSession, coach: Coach, starts_at: datetime, ends_at: datetime) -> None:
    """Raise NotBookable if nothing takes place with this coach at some time in `[starts_at, ends_at)`."""
    found = await closed_times_of_each(session, [coach], starts_at, ends_at)
    for one in found[coach.user_id]:
        raise NotBookable(f"{EXPLANATIONS[one.why]} Choose another time.")


async def is_closed(session: AsyncSession, guild_id: int, starts_at: datetime, ends_at: datetime) -> bool:
    """Return whether the server itself is closed at some time in `[starts_at, ends_at)`."""
    return bool(await _closures(session, guild_id, starts_at, ends_at))


async def _closures(session: AsyncSession, guild_id: int, since: datetime, until: datetime) -> list[Closed]:
    """Return the days on which a server is closed. They are on its own calendar."""
    query = (
        select(Closure.first, Closure.last, Guild.time_zone)
        .join(Guild, Guild.id == Closure.guild_id)
        .where(
            Closure.guild_id == guild_id,
            Closure.lifted_at.is_(None),
            Closure.last >= (since - _DAY).date(),
            Closure.first <= (until + _DAY).date(),
        )
    )
    days = [
        Closed(start_of(zone(name), first), start_of(zone(name), last + _DAY), SlotRefusal.CLOSED)
        for first, last, name in await session.execute(query)
    ]
    return [one for one in days if one.start < until and one.end > since]
