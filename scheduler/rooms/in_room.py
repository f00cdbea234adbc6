"""What coach and student can do from the room: end early, or extend by a quarter of an hour."""

from datetime import datetime, timedelta

from sqlalchemy import and_, exists, false, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    LONGEST_RESERVATION,
    AuditEntry,
    CoachingSession,
    Guild,
    Hold,
    NotificationKind,
    Reservation,
    SessionStatus,
)
from scheduler.attendance import attendance, outcomes
from scheduler.booking import early_end, holds, reservations
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import NotBookable, TooEarly, TooLate
from scheduler.notifications import outbox
from scheduler.rooms import rooms
from scheduler.sessions import events, lookup, planning

LONGER = timedelta(minutes=15)
_DOUBLE_CLICK = timedelta(seconds=10)
"""A second press this soon, by either person, means the same quarter of an hour."""
_EXTENDED = "session_extended"


async def extend(session: AsyncSession, session_id: int, actor: Actor, now: datetime) -> CoachingSession:
    """Extend a running session by a quarter of an hour, at no extra cost, if both people are free.

    A double click, or one by each of them, extends it once. Raises NotFound to anyone but its coach and student,
    TooEarly, TooLate, NotBookable.
    """
    found = await _lock_running(session, session_id, actor, None, now)
    if await _was_just_extended(session, found, now):
        return found
    ends_at = found.ends_at + LONGER
    if _is_too_long(await reservations.reservations_of(session, found)):
        raise NotBookable("This session can't get any longer. Book another one with `/book`.")
    await holds.release_holds(session, found.guild_id, found.coach_id, found.student_id, now)
    try:
        async with session.begin_nested():
            await reservations.shift_end(session, found, ends_at)
    except IntegrityError as error:
        if reservations.GUARD not in str(error.orig):
            raise
        raise NotBookable(
            f"15 more minutes don't fit: one of you is booked soon after {stamp(found.ends_at, 't')}."
        ) from error
    found.ends_at, found.updated_at = ends_at, now
    found.revision += 1
    planning.plan_next_step(found, await session.get_one(Guild, found.guild_id), now)
    await rooms.plan_warning(session, found, now)
    await outbox.requeue_sent(session, found.id, NotificationKind.ROOM_WELCOME, now)
    events.record(session, found, _EXTENDED, actor, now)
    return found


async def can_extend(session: AsyncSession, row: CoachingSession, now: datetime) -> bool:
    """Whether both people are free for another quarter of an hour, as `extend` would find it now."""
    reserved = await reservations.reservations_of(session, row)
    if _is_too_long(reserved):
        return False
    in_the_way = or_(
        false(),
        *(
            and_(
                Reservation.user_id == one.user_id,
                Reservation.starts_at < one.ends_at + LONGER,
                # Without this, the query reads everything they ever had.
                Reservation.starts_at > one.ends_at - LONGEST_RESERVATION,
                Reservation.ends_at > one.ends_at,
            )
            for one in reserved
        ),
    )
    is_released = holds.is_releasable(row.guild_id, row.coach_id, row.student_id, now)
    released = exists().where(Hold.id == Reservation.hold_id, is_released)
    conflict = select(Reservation.id).where(in_the_way, ~released)
    return await session.scalar(conflict.limit(1)) is None


async def end_early(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, guild_id: int | None = None
) -> CoachingSession:
    """End a running session now. The rest of its time is free again, and the room goes once it's empty.

    It can't be ended while someone may still come. If someone didn't come, the loop decides on the no-show,
    because it first asks Discord what kept them out. `guild_id` is where an admin presses; None in a DM. Raises
    NotFound to anyone but its coach, its student and admins of its server, TooEarly, TooLate.
    """
    found = await _lock_running(session, session_id, actor, guild_id, now)
    guild = await session.get_one(Guild, found.guild_id)
    if found.access_granted_at is not None or await attendance.anyone_came(session, found):
        until = attendance.grace_ends_at(found, timedelta(minutes=guild.no_show_grace_minutes))
        if now < until and await outcomes.whose_no_show(session, found, guild, now) is not None:
            raise TooEarly(
                f"Not everyone is here yet, and they have until {stamp(until, 't')}. End the session after that, "
                "or cancel it in `/sessions`."
            )
    await early_end.end(session, found, guild, now)
    events.record(session, found, "session_ended", actor, now)
    return found


async def _lock_running(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int | None, now: datetime
) -> CoachingSession:
    found = await lookup.find_visible(session, session_id, actor, guild_id)
    await members.lock(session, found.coach_id, found.student_id)
    found = await lookup.find_visible(session, session_id, actor, guild_id, lock=True)
    if found.status not in (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS) or found.ends_at <= now:
        raise TooLate("This session is over.")
    if now <= found.starts_at:
        raise TooEarly(f"This session starts {stamp(found.starts_at, 'R')}. To cancel it, use `/sessions`.")
    return found


async def _was_just_extended(session: AsyncSession, found: CoachingSession, now: datetime) -> bool:
    just = select(AuditEntry.id).where(
        AuditEntry.session_id == found.id, AuditEntry.action == _EXTENDED, AuditEntry.at > now - _DOUBLE_CLICK
    )
    return await session.scalar(just.limit(1)) is not None


def _is_too_long(reserved: list[Reservation]) -> bool:
    return any(one.ends_at + LONGER - one.starts_at > LONGEST_RESERVATION for one in reserved)
