"""Notifications of what became of weekly lessons."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    CoachingSession,
    Lesson,
    NotificationKind,
    ParticipantStatus,
    Series,
    SeriesRule,
    SeriesStatus,
    SessionStatus,
)
from scheduler.availability import reader_zone
from scheduler.core.actor import Actor
from scheduler.notifications.kinds import Declaration, NotificationContext
from scheduler.series import lookup
from scheduler.series.changes import asking, listing
from scheduler.series.changes.listing import ShownLesson
from scheduler.series.rule import rule_for


class ChangeDetails(NamedTuple):
    """A series whose lessons changed, as its reader sees it."""

    series: Series
    rule: SeriesRule
    """The one that the lessons from `first` on follow."""
    first: int
    """The lesson that the message is about, or 0."""
    lessons: Sequence[ShownLesson]
    """The upcoming ones that are made."""
    zone_name: str
    """The reader's."""
    made: Sequence[tuple[Lesson, CoachingSession | None]] = ()
    """All lessons that were made, for the calendar file."""

    @property
    def since_first(self) -> list[ShownLesson]:
        """The upcoming lessons from `first` on."""
        return [one for one in self.lessons if one.lesson.occurrence >= self.first]

    @property
    def next_at(self) -> datetime | None:
        """The next lesson that takes place, from `first` on."""
        return next((one.starts_at for one in self.since_first if one.takes_place), None)


async def _details(session: AsyncSession, context: NotificationContext, now: datetime) -> ChangeDetails | None:
    notification = context.notification
    series = await session.get(Series, notification.series_id or 0)
    if series is None:
        return None
    first = await session.scalar(select(Lesson.occurrence).where(Lesson.session_id == notification.session_id))
    reader = notification.user_id or 0
    shown = await listing.show(session, series.id, Actor(reader), None, now)
    zone_name = await reader_zone.zone_name_of(session, reader, context.guild.time_zone)
    first = first or 0
    made = await lookup.lessons_of(session, series.id)
    return ChangeDetails(series, rule_for(series.rules, first), first, shown.lessons, zone_name, made)


async def _clocks(session: AsyncSession, context: NotificationContext, now: datetime) -> ChangeDetails | None:
    """Return the details as long as the lesson is at another time on its reader's clock than the one before."""
    details = await _details(session, context, now)
    if details is None or context.about_session.status is not SessionStatus.SCHEDULED:
        return None
    lesson = await session.get_one(Lesson, (details.series.id, details.first))
    differs = await asking.usual_clock(session, details.series, lesson, details.zone_name) is not None
    return details if differs else None


async def _missed(session: AsyncSession, context: NotificationContext, now: datetime) -> ChangeDetails | None:
    """Return the details as long as the student counts as absent."""
    was_absent = context.about_session.student.status is ParticipantStatus.NO_SHOW
    return await _details(session, context, now) if was_absent else None


def _while_it_takes_place(context: NotificationContext, _now: datetime) -> str | None:
    return None if context.about_session.status is SessionStatus.SCHEDULED else "it was cancelled"


def _while_it_goes_on(context: NotificationContext, _now: datetime) -> str | None:
    details: ChangeDetails | None = context.details
    goes_on = details is not None and details.series.status is SeriesStatus.ACTIVE
    return None if goes_on else "it's no longer so, or these lessons have ended"


KINDS = (
    Declaration(
        NotificationKind.LESSON_BACK, still_needed=_while_it_takes_place, details=_details, follows_session=True
    ),
    Declaration(NotificationKind.SERIES_MOVED, still_needed=_while_it_goes_on, details=_details),
    Declaration(NotificationKind.SERIES_PAUSED, still_needed=_while_it_goes_on, details=_details),
    Declaration(NotificationKind.SERIES_ENDED, details=_details),
    Declaration(NotificationKind.SERIES_MISSED, still_needed=_while_it_goes_on, details=_missed),
    Declaration(NotificationKind.SERIES_CLOCKS, still_needed=_while_it_goes_on, details=_clocks),
    Declaration(NotificationKind.SERIES_ZONE, still_needed=_while_it_goes_on, details=_details),
)
