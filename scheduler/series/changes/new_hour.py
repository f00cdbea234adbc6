"""The hour that lessons from one on are to have."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import Lesson, Series
from scheduler.series import lookup
from scheduler.series.rule import rule_for
from scheduler.time.local_time import first_instant
from scheduler.time.time_zones import zone

_WEEK = timedelta(weeks=1)


class NewHour(NamedTuple):
    """The wall-clock time of the lessons from one on."""

    first_day: date
    start_minute: int
    time_zone: str
    interval_weeks: int


async def on_weekday(
    session: AsyncSession,
    series: Series,
    occurrence: int,
    weekday: int,
    start_minute: int,
    interval_weeks: int,
    now: datetime,
) -> NewHour:
    """Return the hour that begins on this weekday (Monday is 0) in the week of a lesson, on the clock of its rule.

    If that has passed, or isn't after the lesson before, it begins a week later. Raises NotFound for a lesson that
    isn't made.
    """
    lesson = await lookup.find_lesson(session, series, occurrence)
    before = await session.get(Lesson, (series.id, occurrence - 1))
    earliest = max(now, before.starts_at) if before is not None and before.starts_at is not None else now
    time_zone = rule_for(series.rules, occurrence).time_zone
    day = lesson.day + timedelta(days=weekday - lesson.day.weekday())
    starts_at = first_instant(zone(time_zone), day, start_minute)
    if starts_at is not None and starts_at <= earliest:
        day += _WEEK
    return NewHour(day, start_minute, time_zone, interval_weeks)


async def in_own_zone(session: AsyncSession, series: Series, occurrence: int, time_zone: str) -> NewHour:
    """Return the same hour on the clock of another zone, from a lesson on. Raises NotFound as `on_weekday`."""
    lesson = await lookup.find_lesson(session, series, occurrence)
    rule = rule_for(series.rules, occurrence)
    return NewHour(lesson.day, rule.start_minute, time_zone, rule.interval_weeks)
