"""Telling people which lessons the bot skipped: one message for all their series in a server."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Lesson, Notification, NotificationKind, Series, SeriesStatus, SkipReason
from scheduler.notifications import outbox
from scheduler.notifications.kinds import Declaration, NotificationContext

_COLLECTED = timedelta(minutes=5)
"""How long to wait for what other series skip: a bot that was off has several to catch up with."""
_MISSED_FOR = timedelta(days=60)
"""How long ago lessons can be that are told as missed."""
_AHEAD = SkipReason.TAKEN, SkipReason.CLOSED, SkipReason.CLOCKS


class Skipped(NamedTuple):
    """A lesson that doesn't take place."""

    other_id: int
    """With whom."""
    day: date
    starts_at: datetime | None
    """None if the clocks skip it."""
    why: SkipReason


async def tell(session: AsyncSession, series: Series, now: datetime) -> None:
    """Tell both people of a series soon what was skipped, unless a message that does is still to be sent.

    Both must be locked.
    """
    for user_id in (series.student_id, series.coach_id):
        waiting = select(Notification.id).where(
            Notification.guild_id == series.guild_id,
            Notification.kind == NotificationKind.LESSONS_SKIPPED,
            Notification.user_id == user_id,
            Notification.due_at > now,
            Notification.tried_at.is_(None),
        )
        if await session.scalar(waiting.limit(1)) is None:
            outbox.enqueue(
                session,
                NotificationKind.LESSONS_SKIPPED,
                series.guild_id,
                now=now,
                user_id=user_id,
                due_at=now + _COLLECTED,
            )


async def _load(session: AsyncSession, context: NotificationContext, _now: datetime) -> Sequence[Skipped]:
    """Return what the bot skipped of this person's upcoming lessons, and what it missed before the message."""
    user_id, written_at = context.notification.user_id, context.notification.created_at
    found = await session.execute(
        select(Series, Lesson)
        .join(Lesson, Lesson.series_id == Series.id)
        .where(
            Series.guild_id == context.guild.id,
            or_(Series.coach_id == user_id, Series.student_id == user_id),
            Series.status.in_((SeriesStatus.ACTIVE, SeriesStatus.ENDED)),
            or_(
                and_(Lesson.skipped.in_(_AHEAD), Lesson.day >= written_at.date()),
                and_(
                    Lesson.skipped == SkipReason.MISSED,
                    Lesson.starts_at.between(written_at - _MISSED_FOR, written_at),
                ),
            ),
        )
        .order_by(Lesson.day, Lesson.starts_at, Lesson.series_id)
    )
    return [
        Skipped(
            series.student_id if user_id == series.coach_id else series.coach_id,
            lesson.day,
            lesson.starts_at,
            lesson.skipped or SkipReason.TAKEN,
        )
        for series, lesson in found
    ]


def _while_any(context: NotificationContext, _now: datetime) -> str | None:
    return None if context.details else "none of their lessons is skipped any more"


KINDS = (Declaration(NotificationKind.LESSONS_SKIPPED, still_needed=_while_any, details=_load),)
