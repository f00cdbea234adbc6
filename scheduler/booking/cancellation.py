"""Cancelling a session, and when that counts as late."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, SessionStatus
from scheduler.attendance import attendance
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import TooLate, Unreadable
from scheduler.core.limits import LONGEST_NOTES
from scheduler.sessions import events, lifecycle, lookup


async def cancel(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int | None, reason: str, now: datetime
) -> CoachingSession:
    """Cancel a session: free the time, let the room go, notify both.

    Once both have met or the grace period is over, a session can only be ended, so that nobody escapes a no-show.
    A student who cancels with less notice than the server asks for is marked as late.

    For its coach, its student, and admins of its server (`guild_id` is the server they're in; None in a DM).
    Raises NotFound to everyone else, TooLate when it's over, cancelled or can only be ended, Unreadable for a
    reason that's too long.
    """
    found = await find_cancellable(session, session_id, actor, guild_id, now, lock=True)
    check_reason(reason)
    guild = await session.get_one(Guild, found.guild_id)
    found.cancelled_late = is_late(found, guild, actor, now)
    await events.call_off(session, found, guild, reason, now, by=actor)
    events.record(session, found, "session_cancelled", actor, now)
    return found


def check_reason(reason: str) -> None:
    """Raise Unreadable for a reason that's too long."""
    if len(reason) > LONGEST_NOTES:
        raise Unreadable(f"The reason has {len(reason):,} characters; at most {LONGEST_NOTES:,} fit.")


async def find_cancellable(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    guild_id: int | None,
    now: datetime,
    *,
    lock: bool = False,
) -> CoachingSession:
    """Return the session if this actor can cancel it now; raises as `cancel` does."""
    found = await lookup.find_visible(session, session_id, actor, guild_id, lock=lock)
    if found.status is SessionStatus.CANCELLED:
        when = f" {stamp(found.cancelled_at, 'R')}" if found.cancelled_at else ""
        raise TooLate(f"This session was cancelled{when}. Book a new one with `/book`.")
    if lifecycle.is_over(found, now):
        raise TooLate("This session is over, so it can't be cancelled. If something went wrong, talk to an admin.")
    if await can_only_be_ended(session, found, now):
        raise TooLate(
            "It's too late to cancel: coach and student have met, or the time to show up has passed. Press "
            "**End now** in `/sessions` or in the room instead. Attendance counts as usual."
        )
    return found


async def can_only_be_ended(session: AsyncSession, row: CoachingSession, now: datetime) -> bool:
    """Whether a session is running and it's too late to cancel it."""
    if not lifecycle.is_running(row, now):
        return False
    guild = await session.get_one(Guild, row.guild_id)
    return await attendance.is_decided(session, row, timedelta(minutes=guild.no_show_grace_minutes), now)


def is_late(row: CoachingSession, guild: Guild, actor: Actor, now: datetime) -> bool:
    """Whether it would be a late cancellation if this actor cancelled now.

    Exactly the notice is enough, but once the session has started, no notice is.
    """
    has_notice = now <= notice_ends_at(row, guild) and not lifecycle.has_started(row, now)
    return actor.user_id == row.student_id and not has_notice


def notice_ends_at(row: CoachingSession, guild: Guild) -> datetime:
    """Return until when the student can reschedule the session, or cancel it without being late."""
    return row.starts_at - timedelta(minutes=guild.cancel_notice_minutes)
