"""Compute a server's statistics by day, on the admin's own clock. The database does the counting."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, CoachStatus, JobRun, Review, Series, SeriesStatus, SessionStatus
from scheduler.availability import closed_times, free_times
from scheduler.availability.slots import Closed, Hours
from scheduler.core.actor import Actor
from scheduler.parsing import names
from scheduler.reports import waiting_list, workshops
from scheduler.reports.health import HAD_NO_ROOM, HAD_ROOM
from scheduler.reports.local_days import MICROSECOND, LocalDays
from scheduler.reports.waiting_list import Offered
from scheduler.reports.workshops import Held
from scheduler.time.abbreviations import show_zone
from scheduler.time.time_zones import is_known, zone

_DAY = timedelta(days=1)


@dataclass(slots=True)
class Day:
    """Counts for one day, or the sum of several."""

    created: int = 0
    """Sessions booked that day."""
    completed: int = 0
    """Sessions that started that day and, as far as we know, took place."""
    no_show: int = 0
    """Sessions that started that day and that someone missed."""
    cancelled: int = 0
    """Sessions cancelled that day, whenever they'd have started."""

    def add(self, other: "Day") -> None:
        """Add another day's counts."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class CoachFigures(NamedTuple):
    """One coach's figures."""

    user_id: int
    name: str
    offered: timedelta
    """Their working hours as set now, on these days since they were approved."""
    booked: timedelta
    """Total length of sessions that started on these days and weren't cancelled."""
    stars: Mapping[int, int]
    """How often each number of stars was given."""


class Weekly(NamedTuple):
    """How weekly lessons stand, and how many began and ended on certain days."""

    running: int = 0
    """Now, whatever the days."""
    requested: int = 0
    """Those that a coach hasn't answered yet."""
    begun: int = 0
    """Agreed on these days."""
    ended: int = 0
    """Ended by somebody on these days."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """Ticks with something to do, of the whole program."""

    count: int = 0
    failed: int = 0
    """Ticks in which something failed."""
    duration: timedelta = timedelta(0)
    """Total duration."""


@dataclass(frozen=True, slots=True)
class Stats:
    """All statistics from `first` to `last`, both included, in this time zone."""

    first: date
    last: date
    zone_name: str
    days: Mapping[date, Day]
    """Only days on which something happened."""
    coaches: Sequence[CoachFigures]
    """Approved coaches and those with sessions or reviews, most booked first."""
    with_room: int
    without_room: int
    stars: Mapping[int, int]
    """How often each number of stars was given. Hidden reviews aren't counted."""
    ticks: Ticks = field(default_factory=Ticks)
    offered: Offered = field(default_factory=Offered)
    workshops: Held = field(default_factory=Held)
    weekly: Weekly = field(default_factory=Weekly)

    @property
    def total(self) -> Day:
        """Return the sum of all days."""
        total = Day()
        for day in self.days.values():
            total.add(day)
        return total

    @property
    def is_empty(self) -> bool:
        """Return whether nothing happened that's worth drawing. Ticks alone aren't."""
        counted = self.total
        sessions = counted.created or counted.completed or counted.no_show or counted.cancelled
        return not (sessions or self.stars or any(one.booked for one in self.coaches))


def average(stars: Mapping[int, int]) -> float | None:
    """Return the average stars, or None if there are none."""
    count = sum(stars.values())
    return sum(number * times for number, times in stars.items()) / count if count else None


async def gather(
    session: AsyncSession, guild_id: int, actor: Actor, zone_name: str, now: datetime, *, days: int | None
) -> Stats:
    """Return statistics for the last `days` including today, or (None) since the first booking. Raises NotAllowed.

    Takes a fixed number of queries, and results grow with the number of days and coaches, not of sessions.
    """
    actor.must_be_admin()
    last = now.astimezone(zone(zone_name)).date()
    first = last - (days - 1) * _DAY if days else await _first_day(session, guild_id, zone_name, last)
    calendar = LocalDays.of(session, zone_name, first, last)
    found: dict[date, Day] = defaultdict(Day)
    with_room, without_room = await _count_sessions(session, guild_id, calendar, found)
    given = await _stars(session, guild_id, calendar)
    return Stats(
        first=first,
        last=last,
        zone_name=show_zone(zone_name),
        days=dict(sorted(found.items())),
        coaches=await _coaches(session, guild_id, calendar, given),
        with_room=with_room,
        without_room=without_room,
        stars=dict(sorted(sum(map(Counter, given.values()), Counter()).items())),
        ticks=await _count_ticks(session, calendar),
        offered=await waiting_list.count_offers(session, guild_id, calendar),
        workshops=await workshops.count(session, guild_id, calendar),
        weekly=await _count_weekly(session, guild_id, calendar),
    )


async def _first_day(session: AsyncSession, guild_id: int, zone_name: str, today: date) -> date:
    earliest = select(func.min(CoachingSession.created_at), func.min(CoachingSession.starts_at))
    found = (await session.execute(earliest.where(CoachingSession.guild_id == guild_id))).one()
    return min([today, *(at.astimezone(zone(zone_name)).date() for at in found if at is not None)])


async def _count_sessions(
    session: AsyncSession, guild_id: int, calendar: LocalDays, found: dict[date, Day]
) -> tuple[int, int]:
    """Add session counts to `found`. Returns how many sessions had a room and how many didn't."""
    here = CoachingSession.guild_id == guild_id
    for name, at in (("created", CoachingSession.created_at), ("cancelled", CoachingSession.cancelled_at)):
        for day, count in await _counted(session, calendar.rows(at, where=[here])):
            setattr(found[calendar.date(day)], name, count)
    room = case((HAD_NO_ROOM, 0), (HAD_ROOM, 1)).label("room")
    rows = calendar.rows(CoachingSession.starts_at, CoachingSession.status, room, where=[here])
    rooms = [0, 0]
    for day, status, has_room, count in await _counted(session, rows, rows.c.status, rows.c.room):
        if has_room is not None:
            rooms[has_room] += count
        if status is SessionStatus.COMPLETED:
            found[calendar.date(day)].completed += count
        elif status is SessionStatus.NO_SHOW:
            found[calendar.date(day)].no_show += count
    return rooms[1], rooms[0]


async def _count_weekly(session: AsyncSession, guild_id: int, calendar: LocalDays) -> Weekly:
    here = Series.guild_id == guild_id
    was_agreed = here, Series.status.in_([SeriesStatus.ACTIVE, SeriesStatus.ENDED])
    counts = [
        select(func.count()).where(here, Series.status == SeriesStatus.ACTIVE),
        select(func.count()).where(here, Series.status == SeriesStatus.REQUESTED),
        select(func.count()).select_from(calendar.rows(Series.decided_at, where=was_agreed)),
        select(func.count()).select_from(calendar.rows(Series.ended_at, where=was_agreed)),
    ]
    return Weekly(*(await session.execute(select(*(one.scalar_subquery() for one in counts)))).one())


async def _counted(session: AsyncSession, rows: Any, *by: Any) -> Iterable[Any]:
    """Count rows by day and the given columns."""
    return await session.execute(select(rows.c.day, *by, func.count()).group_by(rows.c.day, *by))


async def _count_ticks(session: AsyncSession, calendar: LocalDays) -> Ticks:
    lasted = calendar.microseconds(JobRun.finished_at) - calendar.microseconds(JobRun.started_at)
    failed = case((JobRun.failures > 0, 1), else_=0)
    rows = calendar.rows(JobRun.started_at, lasted.label("lasted"), failed.label("failed"), where=[literal(True)])
    sums = select(func.count(), func.sum(rows.c.failed), func.sum(rows.c.lasted)).select_from(rows)
    count, failures, microseconds = (await session.execute(sums)).one()
    return Ticks(count, int(failures or 0), int(microseconds or 0) * MICROSECOND)


async def _stars(session: AsyncSession, guild_id: int, calendar: LocalDays) -> dict[int, dict[int, int]]:
    """Return how often each number of stars was given on these days, by coach."""
    shown = [Review.guild_id == guild_id, Review.hidden_at.is_(None)]
    rows = calendar.rows(Review.created_at, Review.coach_id, Review.stars, where=shown)
    by_coach = select(rows.c.coach_id, rows.c.stars, func.count()).group_by(rows.c.coach_id, rows.c.stars)
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for coach_id, stars, count in await session.execute(by_coach):
        found[coach_id][stars] = count
    return found


async def _coaches(
    session: AsyncSession, guild_id: int, calendar: LocalDays, given: Mapping[int, Mapping[int, int]]
) -> list[CoachFigures]:
    length = calendar.microseconds(CoachingSession.ends_at) - calendar.microseconds(CoachingSession.starts_at)
    rows = calendar.rows(
        CoachingSession.starts_at,
        CoachingSession.coach_id,
        length.label("length"),
        where=[CoachingSession.guild_id == guild_id, CoachingSession.status != SessionStatus.CANCELLED],
    )
    lengths = select(rows.c.coach_id, func.sum(rows.c.length)).group_by(rows.c.coach_id)
    booked = {coach_id: int(total) * MICROSECOND for coach_id, total in await session.execute(lengths)}
    coaches = list(await session.scalars(select(Coach).where(Coach.guild_id == guild_id)))
    hours = await free_times.hours_of_each(session, coaches, since=calendar.since, until=calendar.until)
    closed = await closed_times.closed_times_of_each(session, coaches, calendar.since, calendar.until)
    figures = [
        CoachFigures(
            coach.user_id,
            coach.display_name,
            offered=sum(_offered(coach, hours[coach.user_id], calendar, closed[coach.user_id]), timedelta(0)),
            booked=booked.get(coach.user_id, timedelta(0)),
            stars=given.get(coach.user_id, {}),
        )
        for coach in coaches
        if coach.status is CoachStatus.APPROVED or coach.user_id in booked or coach.user_id in given
    ]
    return sorted(figures, key=lambda one: (-one.booked, -one.offered, *names.sort_key(one.name, one.user_id)))


def _offered(coach: Coach, hours: Hours, calendar: LocalDays, closed: Sequence[Closed]) -> Iterator[timedelta]:
    """Yield the lengths of their working hours on these days while approved, on the server and not closed."""
    since = max(calendar.since, coach.decided_at or calendar.since)
    until = min(calendar.until, coach.left_at or calendar.until)
    if coach.status is not CoachStatus.APPROVED or since >= until or not is_known(coach.time_zone):
        return
    in_zone = zone(coach.time_zone)
    first, last = (at.astimezone(in_zone).date() for at in (since, until))
    for start, end in closed_times.without(hours.working_time(in_zone, first - _DAY, last), closed):
        if start < until and end > since:
            yield min(end, until) - max(start, since)
