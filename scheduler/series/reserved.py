"""The hours of running series whose lessons aren't made yet: nobody else can book them, however far ahead."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from models import LONGEST_RESERVATION, Coach, Lesson, Series, SeriesStatus
from scheduler.availability.slots import Period
from scheduler.series.rule import are_usable, instant_of, occurrences


class _Unmade(NamedTuple):
    """A running series from its first occurrence without a row on."""

    series: Series
    following: int
    before: timedelta
    after: timedelta
    """The coach's buffers."""

    def hours(self, until: datetime) -> Iterator[Period]:
        """Yield the hours of its lessons that start before `until`, without buffers."""
        length = timedelta(minutes=self.series.duration_minutes)
        for one in occurrences(self.series, self.following):
            if instant_of(self.series.rules, one) >= until:
                return
            if one.starts_at is not None:
                yield one.starts_at, one.starts_at + length


async def reserved_hours(
    session: AsyncSession, user_ids: Collection[int], since: datetime, until: datetime
) -> list[tuple[int, datetime, datetime]]:
    """Return the hours kept for unmade lessons of these people, in any server, that touch `[since, until)`.

    Those of coaches include their buffers. Takes one query.
    """
    return [
        (user_id, start, end)
        for one in await _unmade(session, user_ids, until)
        for user_id, start, end in _of_both(one, until)
        if user_id in user_ids and end > since
    ]


async def reserved_by_earlier_ones(
    session: AsyncSession, series: Series, until: datetime
) -> list[tuple[int, datetime, datetime]]:
    """Return the hours of these two that series agreed on before this one keep for their unmade lessons.

    Clock changes can bring two series together that were apart. The one that was there first keeps its hour.
    """
    people = series.coach_id, series.student_id
    return [
        (user_id, start, end)
        for one in await _unmade(session, people, until)
        if _agreed(one.series) < _agreed(series)
        for user_id, start, end in _of_both(one, until)
        if user_id in people
    ]


def _agreed(series: Series) -> tuple[datetime, int]:
    """Return since when a series has its hour. The id decides between equals."""
    return series.rules[-1].agreed_at or series.decided_at or series.requested_at, series.id


def _of_both(one: _Unmade, until: datetime) -> Iterator[tuple[int, datetime, datetime]]:
    for start, end in one.hours(until + LONGEST_RESERVATION):
        if start - one.before < until:
            yield one.series.coach_id, start - one.before, end + one.after
        if start < until:
            yield one.series.student_id, start, end


async def _unmade(session: AsyncSession, user_ids: Collection[int], until: datetime) -> list[_Unmade]:
    """Load the running series of these people with unmade lessons before `until`."""
    following = select(func.coalesce(func.max(Lesson.occurrence) + 1, 0)).where(Lesson.series_id == Series.id)
    found = await session.execute(
        select(Series, following.scalar_subquery(), Coach.buffer_before_minutes, Coach.buffer_after_minutes)
        .options(joinedload(Series.rules))
        .join(Coach, (Coach.guild_id == Series.guild_id) & (Coach.user_id == Series.coach_id))
        .where(
            or_(Series.coach_id.in_(user_ids), Series.student_id.in_(user_ids)),
            Series.status == SeriesStatus.ACTIVE,
            or_(Series.made_until.is_(None), Series.made_until < until + LONGEST_RESERVATION),
        )
        .order_by(Series.id)
    )
    return [
        _Unmade(series, first, timedelta(minutes=before), timedelta(minutes=after))
        for series, first, before, after in found.unique()
        if are_usable(series.rules)
    ]
