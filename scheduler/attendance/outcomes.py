"""How a session ends: completed, a no-show, or unknown because no room was open."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import delete, or_
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Absent,
    CoachingSession,
    Guild,
    Notification,
    NotificationKind,
    ParticipantStatus,
    Reservation,
    SessionStatus,
)
from scheduler.attendance import attendance, excuses
from scheduler.attendance.ports import Barrier
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotFound, TooLate
from scheduler.core.row_locks import lock_coach
from scheduler.notifications import outbox
from scheduler.reviews import reviews
from scheduler.sessions import events, lookup
from scheduler.time.intervals import Interval

_IS_LASTING = or_(Notification.given_up_at.is_(None), Notification.sent_at.is_not(None))
"""Whether a message was delivered, or still will be."""


async def finish(
    session: AsyncSession,
    row: CoachingSession,
    guild: Guild,
    now: datetime,
    kept_out: Mapping[int, Barrier] = MappingProxyType({}),
) -> None:
    """Decide from the attendance how a session ended whose time is up, and notify those concerned.

    If no room was ever open, nobody can tell: it counts as completed, and both people are asked. If the bot was
    removed from the server, nobody is absent. Absent people who were `kept_out` are excused, and if nobody else is
    absent, the session is cancelled.
    """
    row.updated_at = now
    if await _was_missed(session, row, guild):
        row.status, row.missed_at = SessionStatus.COMPLETED, now
        events.notify_both(session, row, NotificationKind.SESSION_MISSED, now)
        await outbox.requeue_direct(session, row.id, now)
        await events.settle(session, row, now)
        events.record_by_bot(session, row, "session_missed", now)
        return
    missing = await absent_ids(session, row, guild, row.ends_at)
    excused = await excuses.valid(session, row, guild, {one: kept_out[one] for one in missing & kept_out.keys()})
    await excuses.alert_admins(session, row, excused, now)
    if missing and excused.keys() == missing:
        await events.call_off(session, row, guild, excuses.reason(row, excused), now)
        events.record_by_bot(session, row, "session_excused", now)
        return
    absent = _absent(row, missing - excused.keys())
    if absent is None:
        await excuses.resolve_alerts(session, row, now)
    await conclude(session, row, absent, now)
    events.record_by_bot(session, row, "session_no_show" if absent else "session_completed", now)


async def absent_ids(session: AsyncSession, row: CoachingSession, guild: Guild, ends_at: datetime) -> set[int]:
    """Return who would count as absent if the session ended then, before any excuses."""
    if guild.bot_removed_at is not None or await _was_missed(session, row, guild):
        return set()
    return absentees(row, await whose_no_show(session, row, guild, ends_at))


async def _was_missed(session: AsyncSession, row: CoachingSession, guild: Guild) -> bool:
    is_unwatched = row.access_granted_at is None or guild.bot_removed_at is not None
    return is_unwatched and not await attendance.anyone_came(session, row)


def absentees(row: CoachingSession, absent: Absent | None) -> set[int]:
    """Return the people who count as absent."""
    both = {Absent.COACH: row.coach_id, Absent.STUDENT: row.student_id}
    return {user_id for who, user_id in both.items() if absent in (who, Absent.BOTH)}


def _absent(row: CoachingSession, missing: set[int]) -> Absent | None:
    return next((one for one in (*Absent, None) if absentees(row, one) == missing), None)


async def whose_no_show(
    session: AsyncSession, row: CoachingSession, guild: Guild, ends_at: datetime
) -> Absent | None:
    """Say whose no-show it would be if the session ended then. The room has been open for some of it."""
    stays = await attendance.stays_of(session, row.id, ends_at)
    late_at = attendance.grace_ends_at(row, timedelta(minutes=guild.no_show_grace_minutes), ends_at)
    whole = Interval(row.starts_at, ends_at)
    return attendance.determine_no_show(stays, row.coach_id, row.student_id, whole, late_at)


async def conclude(
    session: AsyncSession, row: CoachingSession, absent: Absent | None, now: datetime, *, by: Actor | None = None
) -> None:
    """Store the outcome, and notify both people of a no-show, except `by`.

    The student of a completed session is asked for a review, once.
    """
    row.status = SessionStatus.NO_SHOW if absent else SessionStatus.COMPLETED
    mark_absent(row, absent)
    if absent is not None:
        events.notify_both(session, row, NotificationKind.NO_SHOW, now, except_for=by.user_id if by else None)
    elif not await outbox.was_enqueued(session, row.id, NotificationKind.REVIEW_REQUEST, _IS_LASTING):
        kind = NotificationKind.REVIEW_REQUEST
        outbox.enqueue(session, kind, row.guild_id, now=now, user_id=row.student_id, session_id=row.id)
    await events.update_room_messages(session, row, now)
    await outbox.requeue_direct(session, row.id, now)
    await events.settle(session, row, now)


def mark_absent(row: CoachingSession, absent: Absent | None) -> None:
    """Store who missed a session for one; nobody else did."""
    is_missed = absent in (Absent.STUDENT, Absent.BOTH)
    row.student.status = ParticipantStatus.NO_SHOW if is_missed else ParticipantStatus.ATTENDED
    row.coach_absent = absent in (Absent.COACH, Absent.BOTH)


def answers_close_at(row: CoachingSession) -> datetime:
    """Return when people can no longer say whether a session that the bot missed took place."""
    return row.ends_at + reviews.OPEN_FOR


async def answer_whether_it_took_place(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int | None, answer: bool, now: datetime
) -> CoachingSession:
    """Answer whether a session that the bot missed took place. The first answer counts; the other person is told.

    Raises NotFound to anyone but its coach and student, AlreadyDecided for another answer than the first, and
    TooLate a week after the end.
    """
    found = await lookup.find_visible(session, session_id, actor, guild_id)
    await lock_coach(session, found.guild_id, found.coach_id)  # before the session, as everywhere
    found = await lookup.find_visible(session, session_id, actor, guild_id, lock=True)
    if actor.user_id not in found.people or found.missed_at is None:
        raise NotFound("There's nothing to answer about this session. `/sessions` lists yours.")
    if found.took_place is not None:
        if found.took_place is answer:
            return found
        said = "it took place" if found.took_place else "it didn't take place"
        raise AlreadyDecided(f"That's been answered already: {said}. If that's wrong, talk to an admin.")
    if now >= answers_close_at(found):
        raise TooLate(
            "It's too late to answer: you had a week after the session. If it matters, talk to an admin."
        )
    found.took_place, found.updated_at = answer, now
    if answer:
        await conclude(session, found, None, now)
    else:
        found.status, found.cancelled_at, found.cancelled_by = SessionStatus.CANCELLED, now, actor.user_id
        found.cancel_reason = "It didn't take place."
        await session.execute(delete(Reservation).where(Reservation.session_id == found.id))
        await reviews.hide_automatically(session, found, now)
        await outbox.requeue_direct(session, found.id, now)
        await events.settle(session, found, now)
        found.revision += 1
    events.notify_both(session, found, NotificationKind.ATTENDANCE_CHANGED, now, except_for=actor.user_id)
    events.record(session, found, "session_took_place" if answer else "session_did_not_take_place", actor, now)
    return found
