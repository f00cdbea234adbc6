"""Which sessions are weekly lessons."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import CoachingSession, Lesson, Series, SeriesRule, SeriesStatus, SkipReason

_DROPPED = (SkipReason.PAUSED, SkipReason.TAKEN, SkipReason.CLOCKS, SkipReason.CLOSED)


class Recurrence(NamedTuple):
    """Which of the recurring events of a series a lesson belongs to in calendars, and when it's planned there."""

    code: str
    position: int
    """Which rule of the series it follows, from 0 on. Each is one recurring event."""
    day: date
    start_minute: int
    """On the wall clock of `time_zone`."""
    time_zone: str
    revision: int
    """Of the series."""
    requested_at: datetime


class OneOf(NamedTuple):
    """The weekly lessons that a session is one of."""

    series_id: int
    goes_on: bool
    """Whether there are others, which nothing that happens to this one changes."""
    ended_at: datetime | None = None
    """When someone ended them all."""
    recurrence: Recurrence | None = None


async def lessons_among(session: AsyncSession, rows: Collection[CoachingSession]) -> Mapping[int, OneOf]:
    """Return, by session id, what those of these sessions that are weekly lessons belong to."""
    ids = [one.id for one in rows if not one.is_workshop]
    if not ids:
        return {}
    earlier = aliased(SeriesRule)
    until_it = earlier.series_id == Lesson.series_id, earlier.first_occurrence <= Lesson.occurrence
    newest = select(func.max(earlier.first_occurrence)).where(*until_it).scalar_subquery()
    position = select(func.count() - 1).where(*until_it).scalar_subquery()
    in_force = (SeriesRule.series_id == Lesson.series_id) & (SeriesRule.first_occurrence == newest)
    found = await session.execute(
        select(Lesson, Series, SeriesRule, position)
        .join(Series, Series.id == Lesson.series_id)
        .join(SeriesRule, in_force)
        .where(Lesson.session_id.in_(ids))
    )
    return {
        lesson.session_id: OneOf(
            series.id,
            series.status is SeriesStatus.ACTIVE,
            series.ended_at,
            _recurrence(series, lesson, rule, number),
        )
        for lesson, series, rule, number in found
        if lesson.session_id is not None
    }


def _recurrence(series: Series, lesson: Lesson, rule: SeriesRule, position: int) -> Recurrence:
    since = lesson.occurrence - rule.first_occurrence
    day = rule.first_day + timedelta(weeks=since * rule.interval_weeks)
    when = day, rule.start_minute, rule.time_zone
    return Recurrence(series.code, position, *when, series.revision, series.requested_at)


async def was_dropped(session: AsyncSession, row: CoachingSession) -> bool:
    """Whether a session was a weekly lesson that went with others: in a pause, or after the end or a new hour."""
    found = (
        await session.execute(
            select(Lesson.skipped, Series.ends_at)
            .join(Series, Series.id == Lesson.series_id)
            .where(Lesson.session_id == row.id)
        )
    ).one_or_none()
    if found is None:
        return False
    skipped, ends_at = found
    return skipped in _DROPPED or (ends_at is not None and row.starts_at >= ends_at)
