"""Changing several lessons of a series at once, and telling each of its people with one message."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Lesson, NotificationKind, Series, SessionStatus
from scheduler.booking import cancellation
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.row_locks import lock_sessions
from scheduler.notifications import outbox
from scheduler.sessions import events


async def lessons_from(session: AsyncSession, series: Series, occurrence: int) -> list[Lesson]:
    """Return the lessons from one on that have a row, in order."""
    theirs = Lesson.series_id == series.id, Lesson.occurrence >= occurrence
    found = await session.scalars(select(Lesson).where(*theirs).order_by(Lesson.occurrence))
    return list(found)


async def lock_upcoming(
    session: AsyncSession, series: Series, now: datetime, lessons: Sequence[Lesson] | None = None
) -> dict[int, CoachingSession]:
    """Lock the sessions of these lessons, or of all, that haven't started, and return them by id."""
    its = select(Lesson.session_id).where(Lesson.series_id == series.id, Lesson.session_id.is_not(None))
    which = [CoachingSession.id.in_(its)]
    if lessons is not None:
        which = [CoachingSession.id.in_([one.session_id for one in lessons if one.session_id is not None])]
    upcoming = CoachingSession.status == SessionStatus.SCHEDULED, CoachingSession.starts_at > now
    return {one.id: one for one in await lock_sessions(session, *which, *upcoming)}


async def cancel_quietly(
    session: AsyncSession, row: CoachingSession, guild: Guild, actor: Actor | None, reason: str, now: datetime
) -> None:
    """Cancel the session of one of several lessons, perhaps late. Notifies nobody. No `actor`: the bot did."""
    if actor is not None:
        row.student.cancelled_late = cancellation.is_late(row, guild, actor, now)
    await events.call_off(session, row, guild, reason, now, by=actor, is_quiet=True)


def tell(
    session: AsyncSession,
    series: Series,
    kind: NotificationKind,
    now: datetime,
    *,
    session_id: int | None = None,
    except_for: int | None = None,
) -> None:
    """Enqueue one message about the series for each of its people, except one who can't be reached any more.

    `session_id`: the lesson it begins with.
    """
    for user_id, other_id in ((series.student_id, series.coach_id), (series.coach_id, series.student_id)):
        if user_id == except_for:
            continue
        outbox.enqueue(
            session,
            kind,
            series.guild_id,
            now=now,
            user_id=user_id,
            about_user_id=other_id,
            coach_id=series.coach_id,
            series_id=series.id,
            session_id=session_id,
        )


def record(
    session: AsyncSession,
    series: Series,
    action: str,
    actor: Actor | None,
    now: datetime,
    *,
    session_id: int | None = None,
    **details: int | str,
) -> None:
    """Record in the audit log what someone, or without `actor` the bot, did with a series."""
    audit.record(
        session,
        series.guild_id,
        action,
        at=now,
        actor_id=actor.user_id if actor is not None else None,
        coach_id=series.coach_id,
        member_id=series.student_id,
        session_id=session_id,
        details={"series": series.code} | details,
    )
