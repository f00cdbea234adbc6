"""When nothing takes place, whatever a coach's hours: while the server is closed, or the coach is away."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Select, and_, literal, select, union_all
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
_EVERYBODY = 0
"""In place of the coach, for days on which nobody works."""


async def closed_times(session: AsyncSession, coach: Coach, since: datetime, until: datetime) -> list[Period]:
    """Return when nothing takes place with this coach, as far as it touches `[since, until)`."""
    found = await closed_times_of_each(session, [coach], since, until)
    return [(one.start, one.end) for one in found[coach.user_id]]


async def closed_times_of_each(
    session: AsyncSession, coaches: Sequence[Coach], since: datetime, until: datetime
) -> Mapping[int, list[Closed]]:
    """Return the same, with the reasons, for coaches on one server by user id."""
    found: dict[int, list[Closed]] = defaultdict(list)
    if not coaches:
        return found
    of_all: list[Closed] = []
    ids = [one.user_id for one in coaches]
    days = _closures(coaches[0].guild_id, since, until), _absences(coaches[0].guild_id, ids, since, until)
    for coach_id, first, last, zone_name in await session.execute(union_all(*days)):
        why = SlotRefusal.CLOSED if coach_id == _EVERYBODY else SlotRefusal.AWAY
        one = _closed(first, last, zone_name, why)
        if one.start < until and one.end > since:
            (of_all if coach_id == _EVERYBODY else found[coach_id]).append(one)
    for coach_id in ids:
        found[coach_id] = of_all + found[coach_id]
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
    found = await session.execute(_closures(guild_id, starts_at, ends_at))
    days = (_closed(first, last, zone_name, SlotRefusal.CLOSED) for _, first, last, zone_name in found)
    return any(one.start < ends_at and one.end > starts_at for one in days)


def _closed(first: date, last: date, zone_name: str, why: SlotRefusal) -> Closed:
    in_zone = zone(zone_name)
    return Closed(start_of(in_zone, first), start_of(in_zone, last + _DAY), why)


def _closures(guild_id: int, since: datetime, until: datetime) -> Select[int, date, date, str]:
    """Select the days on which a server may be closed. They are on its own calendar."""
    return (
        select(literal(_EVERYBODY), Closure.first, Closure.last, Guild.time_zone)
        .join(Guild, Guild.id == Closure.guild_id)
        .where(
            Closure.guild_id == guild_id,
            Closure.lifted_at.is_(None),
            Closure.last >= (since - _DAY).date(),
            Closure.first <= (until + _DAY).date(),
        )
    )


def _absences(
    guild_id: int, coach_ids: Sequence[int], since: datetime, until: datetime
) -> Select[int, date, date, str]:
    """Select the days on which these coaches may be away. They are on each coach's own calendar."""
    return (
        select(Absence.coach_id, Absence.first, Absence.last, Coach.time_zone)
        .join(Coach, and_(Coach.guild_id == Absence.guild_id, Coach.user_id == Absence.coach_id))
        .where(
            Absence.guild_id == guild_id,
            Absence.coach_id.in_(coach_ids),
            Absence.ended_at.is_(None),
            Absence.last >= (since - _DAY).date(),
            Absence.first <= (until + _DAY).date(),
        )
    )
