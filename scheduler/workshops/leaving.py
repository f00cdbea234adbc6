"""Giving seats of a workshop back."""

from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    CoachingSession,
    Guild,
    NotificationKind,
    Participant,
    ParticipantStatus,
    Reservation,
    Seat,
    SessionStatus,
)
from scheduler.booking import cancellation
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, TooLate
from scheduler.notifications import outbox
from scheduler.sessions import events, freed_times, lifecycle
from scheduler.sessions.freed_times import FreedSeat
from scheduler.workshops import presses


async def leave(session: AsyncSession, session_id: int, actor: Actor, now: datetime) -> Participant:
    """Give the actor's seat back.

    They get back what they paid, unless it's less notice than the server asks for. Nothing changes for anybody
    else, except that the coach is told. Does nothing if they have left before. Raises NotFound if they never had a
    seat, TooLate once the workshop has started or was cancelled.
    """
    await members.lock(session, actor.user_id)
    row = await presses.lock_to_press(session, session_id)
    seat = None if row is None else row.participant(actor.user_id)
    if row is not None and seat is not None and seat.status is ParticipantStatus.LEFT:
        return seat
    seat = _to_leave(row, actor, now)
    guild = await session.get_one(Guild, seat.guild_id)
    await give_up(session, seat, guild, now, by=actor)
    return seat


async def find_to_leave(session: AsyncSession, session_id: int, actor: Actor, now: datetime) -> Participant:
    """Return the actor's seat if they can give it back now; raises as `leave` does, and NotFound if they have."""
    return _to_leave(await session.get(CoachingSession, session_id), actor, now)


def _to_leave(row: CoachingSession | None, actor: Actor, now: datetime) -> Participant:
    seat = presses.seat_of(row, actor.user_id) if row is not None and row.is_workshop else None
    if row is None or seat is None:
        raise NotFound("You have no seat in this workshop. `/sessions` lists your sessions.")
    if row.status is SessionStatus.CANCELLED:
        raise TooLate("This workshop was cancelled, so there's no seat to give back.")
    if row.status is not SessionStatus.SCHEDULED or lifecycle.has_started(row, now):
        raise TooLate("This workshop has started, so it's too late to give your seat back.")
    return seat


async def give_up(
    session: AsyncSession, seat: Participant, guild: Guild, now: datetime, *, by: Actor | None = None
) -> None:
    """Give a participant's seat back without checking permission, and tell them and the coach.

    Without `by`, the bot does it because they left the server, so only the coach is told. That can be late, too,
    but nobody is late if an admin does it. They and the session must be locked.
    """
    row = seat.session
    by_admin = by is not None and by.user_id != seat.user_id
    seat.cancelled_late = None if by_admin else is_late(row, guild, now)
    seat.status, seat.membership_due_at = ParticipantStatus.LEFT, None
    theirs = Reservation.session_id == row.id, Reservation.user_id == seat.user_id
    await session.execute(delete(Reservation).where(*theirs))
    await session.execute(
        update(Seat)
        .where(Seat.session_id == row.id, Seat.user_id == seat.user_id)
        .values(user_id=None)
        .execution_options(synchronize_session=False)
    )
    await events.settle_one(session, seat, now)
    presses.let_in_again(row, guild, now)
    kinds = [NotificationKind.SESSION_REMINDER]
    await outbox.drop(session, row.id, kinds, "they gave their seat back", now, user_id=seat.user_id)
    presses.tell(session, seat, NotificationKind.SEAT_LEFT, now, only_coach=by is None)
    presses.record(session, seat, "seat_cancelled" if by_admin else "seat_left", by, now)
    await outbox.requeue_direct(session, row.id, now, user_id=seat.user_id)
    await freed_times.announce_seat(session, FreedSeat(row.id, seat.user_id), now)


async def cancel_seat(
    session: AsyncSession, row: CoachingSession, user_id: int, actor: Actor, now: datetime
) -> None:
    """Give back somebody's seat as an admin, without cost to them. Permission is the caller's.

    They and the session must be locked. Raises TooLate once the workshop has started or was cancelled, or if they
    have left.
    """
    seat = presses.seat_of(row, user_id)
    if seat is None or row.status is not SessionStatus.SCHEDULED or lifecycle.has_started(row, now):
        raise TooLate("This workshop has started or was cancelled, so there's no seat to give back.")
    await give_up(session, seat, await session.get_one(Guild, row.guild_id), now, by=actor)


async def give_up_after_departure(
    session: AsyncSession, row: CoachingSession, user_id: int, now: datetime
) -> None:
    """Give up the seat of somebody who has left the server. Once the workshop has started, attendance decides.

    They and the session must be locked. Safe to call twice.
    """
    seat = presses.seat_of(row, user_id)
    if seat is not None and row.status is SessionStatus.SCHEDULED and not lifecycle.has_started(row, now):
        await give_up(session, seat, await session.get_one(Guild, row.guild_id), now)


def is_late(row: CoachingSession, guild: Guild, now: datetime) -> bool:
    """Whether a seat given back now would be given back too late to cost nothing.

    Exactly the notice is enough, but once the workshop has started, no notice is.
    """
    return now > cancellation.notice_ends_at(row, guild) or lifecycle.has_started(row, now)
