"""What weekly lessons would look like: the next dates, which of them can't be, and a better hour if most can't."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice, takewhile
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, Guild, Series, SeriesRule
from scheduler.availability import free_times
from scheduler.availability.slots import Calendar, SlotRefusal
from scheduler.core.clock import stamp
from scheduler.core.errors import NotBookable, Unreadable
from scheduler.series import rule
from scheduler.series.rule import Planned
from scheduler.time.time_zones import zone

SHOWN = 8
"""How many dates are shown."""
LEAST_LESSONS, MOST_LESSONS = 2, 52
_AROUND = timedelta(days=4)
"""How far away a better hour is looked for."""
_MOST_TRIED = 100
_LIMITS = (SlotRefusal.DAILY_LIMIT, SlotRefusal.WEEKLY_LIMIT)
_OBSTACLES = (
    SlotRefusal.CLOSED,
    SlotRefusal.AWAY,
    SlotRefusal.DAY_OFF,
    SlotRefusal.TAKEN,
    SlotRefusal.STUDENT_BUSY,
    SlotRefusal.BUFFER,
)
"""Why a lesson is skipped. Notice and horizon are only about the first one."""


class Wanted(NamedTuple):
    """What a student asks for. With neither `until` nor `lesson_count`, it's open."""

    starts_at: datetime
    """The first lesson."""
    minutes: int
    interval_weeks: int = 1
    until: date | None = None
    """The last day, on the coach's clock."""
    lesson_count: int | None = None

    @property
    def duration(self) -> timedelta:
        """The length of a lesson."""
        return timedelta(minutes=self.minutes)


class Date(NamedTuple):
    """One lesson to come."""

    planned: Planned
    why_not: SlotRefusal | None
    """Why it's skipped, unless the clocks skip it."""

    @property
    def is_free(self) -> bool:
        """Whether it takes place."""
        return self.planned.starts_at is not None and self.why_not is None


class Preview(NamedTuple):
    """What becomes of each date, as far as is known now."""

    dates: Sequence[Date]
    """All that would be made now, and at least those shown, in order."""
    over_limit: NotBookable | None
    """Why it can't be agreed on at all."""
    better: datetime | None
    """The nearest start that suits better, if too many dates are taken."""

    @property
    def shown(self) -> Sequence[Date]:
        """The next dates."""
        return self.dates[:SHOWN]

    @property
    def is_mostly_taken(self) -> bool:
        """Whether too many of them can't be."""
        return _is_mostly_taken(self.shown)


def draft(coach: Coach, wanted: Wanted) -> Series:
    """Make a series from what a student asks for, without storing it. Its zone is the coach's.

    Raises Unreadable for an end before the second lesson, or too far away, and NotBookable for a time that the
    clocks show for the second time on that date.
    """
    local = wanted.starts_at.astimezone(zone(coach.time_zone))
    made = Series(
        coach_id=coach.user_id,
        duration_minutes=wanted.minutes,
        until=wanted.until,
        lesson_count=wanted.lesson_count,
        rules=[
            SeriesRule(
                first_occurrence=0,
                first_day=local.date(),
                start_minute=local.hour * 60 + local.minute,
                time_zone=coach.time_zone,
                interval_weeks=wanted.interval_weeks,
            )
        ],
    )
    if rule.planned(made.rules, 0).starts_at != wanted.starts_at:
        raise NotBookable("The clocks show that time twice that day. Choose another day to begin.")
    if wanted.lesson_count is not None and not LEAST_LESSONS <= wanted.lesson_count <= MOST_LESSONS:
        raise Unreadable(f"Weekly lessons are {LEAST_LESSONS} to {MOST_LESSONS} times. Choose a number between.")
    if wanted.until is not None and wanted.until < rule.planned(made.rules, 1).day:
        raise Unreadable("That day is before the second lesson. Choose a later one, or book it once.")
    return made


async def preview(
    session: AsyncSession, guild: Guild, coach: Coach, student_id: int, wanted: Wanted, now: datetime
) -> Preview:
    """Look at the dates of what a student asks for. The first one has to be free anyway: see `check_time`.

    Raises as `draft` does.
    """
    made = draft(coach, wanted)
    until = await _held_through(session, guild, coach, now)
    planned = list(_first_ones(made, until))
    known = await free_times.calendars(
        session,
        [coach],
        student_id=student_id,
        now=now,
        since=min(now, planned[0].starts_at or now) - _AROUND,
        until=_end(made, planned) + wanted.duration + _AROUND,
    )
    calendar = known[coach.user_id]
    dates = [Date(one, _why_not(calendar, one, wanted.duration, now)) for one in planned]
    found = Preview(dates, _over_limit(calendar, coach, dates, wanted, now), None)
    if not found.is_mostly_taken:
        return found
    return found._replace(better=_find_better(calendar, coach, wanted, now))


async def _held_through(session: AsyncSession, guild: Guild, coach: Coach, now: datetime) -> datetime:
    """Return until when anybody could book this coach before they answer: the horizon in any of their servers."""
    longest = await session.scalar(select(func.max(Coach.horizon_days)).where(Coach.user_id == coach.user_id))
    return now + timedelta(days=longest or coach.horizon_days, hours=guild.series_answer_hours)


def _first_ones(made: Series, until: datetime) -> Iterator[Planned]:
    """Yield the dates that matter now: those before `until`, and at least those shown."""
    return takewhile(
        lambda one: one.occurrence < SHOWN or rule.instant_of(made.rules, one) < until, rule.occurrences(made)
    )


def _end(made: Series, planned: Sequence[Planned]) -> datetime:
    return rule.instant_of(made.rules, planned[-1])


def _why_not(calendar: Calendar, one: Planned, duration: timedelta, now: datetime) -> SlotRefusal | None:
    if one.starts_at is None:
        return None
    found = calendar.refusals(one.starts_at, duration, now=now)
    return next((why for why in found if why in _OBSTACLES), None)


def _is_mostly_taken(shown: Sequence[Date]) -> bool:
    return sum(not one.is_free for one in shown) * 2 > len(shown)


def _over_limit(
    calendar: Calendar, coach: Coach, dates: Sequence[Date], wanted: Wanted, now: datetime
) -> NotBookable | None:
    """Return the refusal if a lesson would break the coach's limit of its day or week."""
    for one in dates:
        if not one.is_free or one.planned.starts_at is None:
            continue
        found = calendar.refusals(one.planned.starts_at, wanted.duration, now=now)
        if (limit := next((why for why in found if why in _LIMITS), None)) is not None:
            on = stamp(one.planned.starts_at, "D")
            return NotBookable(f"On {on}: {free_times.explain(limit, coach)} Choose another time.")
    return None


def _find_better(calendar: Calendar, coach: Coach, wanted: Wanted, now: datetime) -> datetime | None:
    """Return the nearest start, within a few days, for which enough dates are free."""
    around = calendar.free(
        wanted.duration, now=now, since=wanted.starts_at - _AROUND, until=wanted.starts_at + _AROUND
    )
    nearest = sorted(around, key=lambda at: (abs(at - wanted.starts_at), at))
    for at in nearest[:_MOST_TRIED]:
        try:
            made = draft(coach, wanted._replace(starts_at=at))
        except (NotBookable, Unreadable):
            continue
        planned = islice(rule.occurrences(made), SHOWN)
        dates = [Date(one, _why_not(calendar, one, wanted.duration, now)) for one in planned]
        if not _is_mostly_taken(dates) and _over_limit(calendar, coach, dates, wanted, now) is None:
            return at
    return None
