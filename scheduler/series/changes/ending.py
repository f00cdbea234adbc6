"""Ending weekly lessons: with notice, or at once when somebody can't go on."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, NotificationKind, Series, SeriesStatus
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import TooLate
from scheduler.series import lookup
from scheduler.series.changes import together
from scheduler.series.making import make_lessons


class Ended(NamedTuple):
    """Weekly lessons that end."""

    series: Series
    cancelled: list[CoachingSession]
    """The lessons that don't take place any more, in order."""


def notice_of(guild: Guild) -> timedelta:
    """Return how long lessons go on after somebody ended them."""
    return timedelta(days=guild.series_notice_days)


async def end(
    session: AsyncSession, series_id: int, actor: Actor, guild_id: int | None, reason: str, now: datetime
) -> Ended:
    """End weekly lessons after the notice that the server asks for. Lessons until then take place.

    Cancels later ones and tells each person once. For their coach, their student, and admins of their server.
    Raises NotFound to everyone else, TooLate if they have ended or already end then, Unreadable for a reason
    that's too long.
    """
    series = await lookup.find_running(session, series_id, actor, guild_id, lock=True)
    cancellation.check_reason(reason)
    guild = await session.get_one(Guild, series.guild_id)
    ends_at = now + notice_of(guild)
    if series.ends_at is not None and series.ends_at <= ends_at:
        raise TooLate(f"Someone has already ended these lessons. There are none from {stamp(series.ends_at)} on.")
    _write(series, ends_at, actor, reason, now)
    upcoming = (await together.lock_upcoming(session, series, now)).values()
    cancelled = sorted((row for row in upcoming if row.starts_at >= ends_at), key=lambda row: row.starts_at)
    await session.flush()
    for row in cancelled:
        await together.cancel_quietly(session, row, guild, actor, reason, now)
    await make_lessons(session, series, now)
    together.tell(session, series, NotificationKind.SERIES_ENDED, now)
    together.record(session, series, "series_ended", actor, now, lessons=len(cancelled))
    return Ended(series, cancelled)


def end_now(session: AsyncSession, series: Series, actor: Actor | None, reason: str, now: datetime) -> None:
    """End weekly lessons at once, because one of the two can't go on. Its sessions stay: the caller decides.

    The series must be locked. Notifies nobody.
    """
    _write(series, now, actor, reason, now)
    series.status, series.next_step_at = SeriesStatus.ENDED, None
    together.record(session, series, "series_ended", actor, now)


def _write(series: Series, ends_at: datetime, actor: Actor | None, reason: str, now: datetime) -> None:
    series.ends_at, series.ended_at = ends_at, now
    series.ended_by = actor.user_id if actor is not None else None
    series.end_reason = reason.strip() or None
    series.revision += 1
