"""Which sessions are weekly lessons."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Lesson, Series, SeriesStatus, SkipReason

_DROPPED = (SkipReason.PAUSED, SkipReason.TAKEN, SkipReason.CLOCKS, SkipReason.CLOSED)


class OneOf(NamedTuple):
    """The weekly lessons that a session is one of."""

    series_id: int
    goes_on: bool
    """Whether there are others, which nothing that happens to this one changes."""
    ended_at: datetime | None = None
    """When someone ended them all."""


async def lessons_among(session: AsyncSession, rows: Collection[CoachingSession]) -> Mapping[int, OneOf]:
    """Return, by session id, what those of these sessions that are weekly lessons belong to."""
    ids = [one.id for one in rows if not one.is_workshop]
    if not ids:
        return {}
    found = await session.execute(
        select(Lesson.session_id, Series.id, Series.status, Series.ended_at)
        .join(Series, Series.id == Lesson.series_id)
        .where(Lesson.session_id.in_(ids))
    )
    return {
        session_id: OneOf(series_id, status is SeriesStatus.ACTIVE, ended_at)
        for session_id, series_id, status, ended_at in found
        if session_id is not None
    }


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
