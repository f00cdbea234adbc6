"""Notifications of weekly lessons."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import islice
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Lesson, NotificationKind, Reservation, Series, SeriesStatus
from scheduler.availability import reader_zone
from scheduler.notifications.kinds import Declaration, NotificationContext
from scheduler.series import lookup, preview, rule


class ShownDate(NamedTuple):
    """One of the next dates of a series."""

    day: date
    starts_at: datetime | None
    """None if the clocks skip that time on that date."""
    is_skipped: bool


class SeriesDetails(NamedTuple):
    """A series as somebody reads about it."""

    series: Series
    dates: Sequence[ShownDate]
    """The first ones."""
    zone_name: str
    """The reader's."""
    made: Sequence[tuple[Lesson, CoachingSession | None]] = ()
    """All lessons that were made, for messages with a calendar file."""

    @property
    def first(self) -> datetime | None:
        """The first lesson that takes place."""
        return next((one.starts_at for one in self.dates if not one.is_skipped), None)


async def details_of(session: AsyncSession, series: Series, guild: Guild, reader_id: int) -> SeriesDetails:
    """Return a series with its first dates: what is held while it's a request, then its lessons."""
    zone_name = await reader_zone.zone_name_of(session, reader_id, guild.time_zone)
    if series.status is SeriesStatus.REQUESTED:
        return SeriesDetails(series, await _asked_for(session, series), zone_name)
    lessons = select(Lesson).where(Lesson.series_id == series.id).order_by(Lesson.occurrence).limit(preview.SHOWN)
    made = [ShownDate(one.day, one.starts_at, one.skipped is not None) for one in await session.scalars(lessons)]
    if not made:  # it never began
        planned = islice(rule.occurrences(series), preview.SHOWN)
        made = [ShownDate(one.day, one.starts_at, one.starts_at is None) for one in planned]
    return SeriesDetails(series, made, zone_name)


async def _asked_for(session: AsyncSession, series: Series) -> list[ShownDate]:
    """Return the first dates. Those whose hours aren't held will be skipped."""
    is_held = Reservation.hold_id == series.hold_id, Reservation.user_id == series.student_id
    held = set(await session.scalars(select(Reservation.starts_at).where(*is_held)))
    return [
        ShownDate(one.day, one.starts_at, one.starts_at not in held)
        for one in islice(rule.occurrences(series), preview.SHOWN)
    ]


async def _series(session: AsyncSession, context: NotificationContext, _now: datetime) -> SeriesDetails | None:
    notification = context.notification
    series = await session.get(Series, notification.series_id or 0)
    return (
        await details_of(session, series, context.guild, notification.user_id or 0) if series is not None else None
    )


async def _with_lessons(
    session: AsyncSession, context: NotificationContext, now: datetime
) -> SeriesDetails | None:
    details = await _series(session, context, now)
    return details and details._replace(made=await lookup.lessons_of(session, details.series.id))


def _while_open(context: NotificationContext, now: datetime) -> str | None:
    details: SeriesDetails | None = context.details
    if details is not None and details.series.status is SeriesStatus.REQUESTED and now < details.series.answer_by:
        return None
    return "the request is over"


KINDS = (
    Declaration(NotificationKind.SERIES_REQUEST, still_needed=_while_open, details=_series),
    Declaration(NotificationKind.SERIES_BOOKED, details=_with_lessons),
    Declaration(NotificationKind.SERIES_CLOSED, details=_series),
)
