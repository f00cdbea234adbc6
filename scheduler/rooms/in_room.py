"""What coach and student do from inside the room: end now, or go on for another quarter of an hour."""

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
from scheduler.core.errors import NotBookable, NotFound, TooEarly, TooLate
from scheduler.notifications import outbox
from scheduler.rooms import rooms
from scheduler.sessions import events, planning

LONGER = timedelta(minutes=15)
_DOUBLE_CLICK = timedelta(seconds=10)
"""Who presses again so soon after, or at the same moment as the other side, means the same quarter of an hour."""
_EXTENDED = "session_extended"


async def extend(session: AsyncSession, session_id: int, actor: Actor, now: datetime) -> CoachingSession:
    """Let a running session end a quarter of an hour later, at no further cost, if both are free until then.

    For its coach and its student; a double click, also one of both, does it once. Raises NotFound to everybody
    else, TooEarly, TooLate, NotBookable.
    """
    found = await _running(session, session_id, actor, now)
    await members.lock(session, found.coach_id, found.student_id)
    found = await _running(session, session_id, actor, now, lock=True)
    if await _was_just_extended(session, found, now):
        return found
    ends_at = found.ends_at + LONGER
    if _is_too_long(await reservations.reservations_of(session, found)):
        raise NotBookable("It cannot become any longer. Book another session with `/book`.")
    await holds.release_holds(session, found.guild_id, found.coach_id, found.student_id, now)
    try:
        async with session.begin_nested():
            await reservations.move_end(session, found, ends_at)
    except IntegrityError as error:
        if reservations.GUARD not in str(error.orig):
            raise
        raise NotBookable(
            f"15 more minutes do not fit: one of you is booked soon after {stamp(found.ends_at, 't')}."
        ) from error
    found.ends_at, found.updated_at = ends_at, now
    found.revision += 1
    planning.plan_next_step(found, await session.get_one(Guild, found.guild_id), now)
    await rooms.plan_warning(session, found, now)
    await outbox.requeue_sent(session, found.id, NotificationKind.ROOM_WELCOME, now)
    events.record(session, found, _EXTENDED, actor, now)
    return found


async def can_extend(session: AsyncSession, row: CoachingSession, now: datetime) -> bool:
    """Whether both are free for another quarter of an hour, as `go_on` would find it at this moment."""
    reserved = await reservations.reservations_of(session, row)
    if _is_too_long(reserved):
        return False
    in_the_way = or_(
        false(),
        *(
            and_(
                Reservation.user_id == one.user_id,
                Reservation.starts_at < one.ends_at + LONGER,
                # Else all that they ever had is looked at.
                Reservation.starts_at > one.ends_at - LONGEST_RESERVATION,
                Reservation.ends_at > one.ends_at,
            )
            for one in reserved
        ),
    )
    gone = holds.is_let_go(row.guild_id, row.coach_id, row.student_id, now)
    let_go = exists().where(Hold.id == Reservation.hold_id, gone)
    taken = select(Reservation.id).where(in_the_way, ~let_go)
    return await session.scalar(taken.limit(1)) is None


async def end_early(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, guild_id: int | None = None
) -> CoachingSession:
    """End a running session at this moment: what is left of the time is free again, and the room goes once empty.

    For its coach, its student, and admins of its server (`guild_id` is where they press; None in a DM). It can't
    be ended while the other side may still come. If somebody didn't come, the loop decides on the no-show, because
    it first asks Discord what kept them out. Raises NotFound to everybody else, TooEarly, TooLate.
    """
    found = await _running(session, session_id, actor, now, guild_id=guild_id)
    await members.lock(session, found.coach_id, found.student_id)
    found = await _running(session, session_id, actor, now, guild_id=guild_id, lock=True)
    guild = await session.get_one(Guild, found.guild_id)
    if found.access_granted_at is not None or await attendance.anybody_came(session, found):
        grace = timedelta(minutes=guild.no_show_grace_minutes)
        opened_at = found.access_granted_at or found.starts_at  # the room may be gone again
        until = attendance.late_from(found.starts_at, found.ends_at, opened_at, grace)
        if now < until and await outcomes.whose_no_show(session, found, guild, now) is not None:
            raise TooEarly(
                f"Not both of you have come, and there is time until {stamp(until, 't')}. End it after that, or "
                "cancel it in `/sessions`."
            )
    await early_end.end(session, found, guild, now)
    events.record(session, found, "session_ended", actor, now)
    return found


async def _running(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    now: datetime,
    *,
    guild_id: int | None = None,
    lock: bool = False,
) -> CoachingSession:
    found = await session.get(CoachingSession, session_id, with_for_update=lock, populate_existing=lock)
    by_an_admin = found is not None and actor.is_admin and found.guild_id == guild_id
    if found is None or not (by_an_admin or actor.user_id in (found.coach_id, found.student_id)):
        raise NotFound("You have no such session. `/sessions` lists yours.")
    if found.status not in (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS) or found.ends_at <= now:
        raise TooLate("This session is over.")
    if now <= found.starts_at:
        raise TooEarly(f"This session begins {stamp(found.starts_at, 'R')}. To call it off, use `/sessions`.")
    return found


async def _was_just_extended(session: AsyncSession, found: CoachingSession, now: datetime) -> bool:
    just = select(AuditEntry.id).where(
        AuditEntry.session_id == found.id, AuditEntry.action == _EXTENDED, AuditEntry.at > now - _DOUBLE_CLICK
    )
    return await session.scalar(just.limit(1)) is not None


def _is_too_long(reserved: list[Reservation]) -> bool:
    return any(one.ends_at + LONGER - one.starts_at > LONGEST_RESERVATION for one in reserved)
