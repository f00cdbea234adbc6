"""Cancelling sessions and ending them early, and when cancelling counts as late."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AHEAD, CoachingSession, Guild, Participant, ParticipantStatus, SessionStatus
from scheduler.attendance import attendance, outcomes
from scheduler.booking import reservations
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import NotAllowed, NotFound, TooLate, Unreadable
from scheduler.core.limits import LONGEST_NOTES
from scheduler.core.row_locks import lock_sessions
from scheduler.notifications import outbox
from scheduler.sessions import events, lifecycle, lookup, planning

CancelSeat = Callable[[AsyncSession, CoachingSession, int, Actor, datetime], Awaitable[None]]
_cancelling_seats: list[CancelSeat] = []


def on_seat_cancelled(*cancelling: CancelSeat) -> None:
    """Register what happens, in the same transaction, when an admin cancels somebody's part in a workshop."""
    _cancelling_seats.extend(cancelling)


class Seen(NamedTuple):
    """Which sessions an admin was shown: those that were upcoming `at` a time, with ids up to `newest_id`.

    `at` is cut to the minute.
    """

    newest_id: int
    at: datetime


class Outcome(NamedTuple):
    """What became of the sessions that an admin wanted to cancel, soonest first."""

    cancelled: Sequence[CoachingSession]
    too_late: Sequence[CoachingSession]
    """Over, cancelled before, or so far on that they can only be ended."""


async def cancel(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int | None, reason: str, now: datetime
) -> CoachingSession:
    """Cancel a session: free the time, let the room go, notify both.

    Once both have met or the grace period is over, a session can only be ended, so that nobody escapes a no-show.
    A student who cancels with less notice than the server asks for is marked as late.

    For its coach, its student, and admins of its server (`guild_id` is the server they're in; None in a DM).
    Participants leave a workshop instead: raises NotAllowed.
    Raises NotFound to everyone else, TooLate when it's over, cancelled or can only be ended, Unreadable for a
    reason that's too long.
    """
    found = await find_cancellable(session, session_id, actor, guild_id, now, lock=True)
    check_reason(reason)
    guild = await session.get_one(Guild, found.guild_id)
    for one in found.taking_part:  # nobody is late for a workshop that doesn't take place, not even an admin in it
        one.cancelled_late = not found.is_workshop and is_late(found, guild, actor, now)
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
    is_for_all = actor.user_id == found.coach_id or (actor.is_admin and guild_id == found.guild_id)
    if found.is_workshop and not is_for_all:
        raise NotAllowed("You can't cancel a workshop for everybody. Press **Leave** to give up your seat.")
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
    return row.participant(actor.user_id) is not None and not has_notice


def notice_ends_at(row: CoachingSession, guild: Guild) -> datetime:
    """Return until when the student can reschedule the session, or cancel it without being late."""
    return row.starts_at - notice_of(guild)


def notice_of(guild: Guild) -> timedelta:
    """Return how long before the start a student can reschedule, or cancel without being late."""
    return timedelta(minutes=guild.cancel_notice_minutes)


async def end_early(session: AsyncSession, found: CoachingSession, guild: Guild, now: datetime) -> None:
    """End a running session without checking permission, and decide who attended.

    Keeps the end that was agreed, and the price. If someone is absent, the next tick decides: it first asks
    Discord what kept them out.
    """
    ends_at = lifecycle.end_if_ended(found, now)
    await reservations.shift_end(session, found, ends_at, now)
    found.agreed_ends_at, found.ends_at = found.ends_at, ends_at
    found.revision += 1
    await outbox.requeue_direct(session, found.id, now)
    if not await outcomes.absent_ids(session, found, guild, ends_at):
        await outcomes.finish(session, found, guild, now)
    planning.plan_next_step(found, guild, now)


async def list_upcoming(
    session: AsyncSession, guild_id: int, user_id: int, actor: Actor, now: datetime
) -> Sequence[CoachingSession]:
    """List the sessions here that this student takes part in and that haven't started. Raises NotAllowed."""
    actor.must_be_admin()
    upcoming = _booked_by(guild_id, user_id, now), CoachingSession.status.in_(AHEAD)
    by_start = select(CoachingSession).where(*upcoming).order_by(CoachingSession.starts_at, CoachingSession.id)
    return list(await session.scalars(by_start))


async def list_cancellable(
    session: AsyncSession, guild_id: int, user_id: int, actor: Actor, newest_id: int, now: datetime
) -> Sequence[CoachingSession]:
    """List which sessions up to `newest_id` are still upcoming. Raises what `cancel_seen` raises."""
    _check_may_cancel(user_id, actor)
    upcoming = await list_upcoming(session, guild_id, user_id, actor, now)
    found = [one for one in upcoming if one.id <= newest_id]
    if not found:
        raise _nothing_left()
    return found


async def cancel_seen(
    session: AsyncSession, guild_id: int, user_id: int, actor: Actor, seen: Seen, now: datetime
) -> Outcome:
    """Cancel each session that the admin was shown, and leave those for which it's too late.

    Of a workshop only their seat is cancelled. Sessions booked, and seats taken, since then stay. Safe to call
    twice. Raises NotAllowed, also for an admin's own sessions, since
    cancelling those may cost them something, and NotFound if none were shown.
    """
    _check_may_cancel(user_id, actor)
    await members.lock(session, user_id)
    shown = (
        CoachingSession.id <= seen.newest_id,
        or_(CoachingSession.cancelled_at.is_(None), CoachingSession.cancelled_at >= seen.at),
    )
    # All of them first: cancelling one locks credit, and no session may be locked after that.
    theirs = _booked_by(guild_id, user_id, seen.at, until=seen.at + timedelta(minutes=1))
    found = await lock_sessions(session, theirs, *shown)
    if not found:
        raise _nothing_left()
    cancelled: list[CoachingSession] = []
    too_late: list[CoachingSession] = []
    for one in sorted(found, key=lambda row: (row.starts_at, row.id)):
        try:
            if one.is_workshop:
                for cancel_seat in _cancelling_seats:
                    await cancel_seat(session, one, user_id, actor, now)
            else:
                await cancel(session, one.id, actor, guild_id, "", now)
        except TooLate:
            too_late.append(one)
        else:
            cancelled.append(one)
    return Outcome(cancelled, too_late)


def _booked_by(
    guild_id: int, user_id: int, after: datetime, *, until: datetime | None = None
) -> ColumnElement[bool]:
    """Return the condition that they take part in a session that starts `after`, and have `until` some time."""
    theirs = Participant.guild_id == guild_id, Participant.starts_at > after
    has_place = Participant.status != ParticipantStatus.LEFT
    joined = [Participant.joined_at < until] if until is not None else []
    return CoachingSession.has_participant(user_id, *theirs, has_place, *joined)


def _check_may_cancel(user_id: int, actor: Actor) -> None:
    actor.must_be_admin()
    if user_id == actor.user_id:
        raise NotAllowed("These are your own sessions. Cancel them in `/sessions`.")


def _nothing_left() -> NotFound:
    return NotFound("None of these sessions is upcoming any more. `/coaching sessions` lists all.")
