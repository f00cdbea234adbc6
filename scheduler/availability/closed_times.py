"""When nothing takes place, whatever a coach's hours: while the server is closed, or the coach is away."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, null, select, union_all
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
    """Return the same, with the reasons, for coaches on one server by user id, in one query."""
    found: dict[int, list[Closed]] = defaultdict(list)
    if not coaches:
        return found
    zones = {one.user_id: zone(one.time_zone) for one in coaches}
    guild_id, around = coaches[0].guild_id, ((since - _DAY).date(), (until + _DAY).date())
    away = select(Absence.coach_id, Absence.first, Absence.last, null()).where(
        Absence.guild_id == guild_id,
        Absence.coach_id.in_(zones),
        Absence.ended_at.is_(None),
        Absence.last >= around[0],
        Absence.first <= around[1],
    )
    # Days away are on the coach's own calendar, closures on the server's.
    rows: list[Any] = list(await session.execute(union_all(away, _closures(guild_id, *around))))
    for coach_id, first, last, name in rows:
        why = SlotRefusal.CLOSED if coach_id is None else SlotRefusal.AWAY
        in_zone = zone(name) if coach_id is None else zones[coach_id]
        one = Closed(start_of(in_zone, first), start_of(in_zone, last + _DAY), why)
        if one.start < until and one.end > since:
            for user_id in zones if coach_id is None else (coach_id,):
                found[user_id].append(one)
    return found


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
    days = await session.execute(_closures(guild_id, (starts_at - _DAY).date(), (ends_at + _DAY).date()))
    return any(
        start_of(zone(name), first) < ends_at and starts_at < start_of(zone(name), last + _DAY)
        for _, first, last, name in days
    )


def _closures(guild_id: int, since: date, until: date) -> Select[None, date, date, str]:
    """Select the days on which a server is closed, with its time zone."""
    return (
        select(null(), Closure.first, Closure.last, Guild.time_zone)
        .join(Guild, Guild.id == Closure.guild_id)
        .where(
            Closure.guild_id == guild_id,
            Closure.lifted_at.is_(None),
            Closure.last >= since,
            Closure.first <= until,
        )
    )
