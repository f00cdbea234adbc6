"""Moving a session to another time, or letting it stay outside its coach's hours."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, NotificationKind, SessionStatus
from scheduler.availability import free_times
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import cancellation, eligibility, holds, reservations
from scheduler.core import coaches, members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, NotFound, TooLate, Unreadable
from scheduler.core.limits import LONGEST_NOTES
from scheduler.notifications import outbox, reminders
from scheduler.parsing.durations import write_length
from scheduler.sessions import events, planning

_HOURS = {SlotRefusal.DAY_OFF, SlotRefusal.OUTSIDE_HOURS}
_OWN = {
    SlotRefusal.TOO_SOON,
    SlotRefusal.TOO_FAR,
    *_HOURS,
    SlotRefusal.OFF_STEP,
    SlotRefusal.DAILY_LIMIT,
    SlotRefusal.WEEKLY_LIMIT,
}
"""Rules that coaches have set for themselves, and break if they want to. What is taken stays taken."""


async def reschedule(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    starts_at: datetime,
    reason: str,
    now: datetime,
    *,
    breaking: Collection[SlotRefusal] = (),
) -> CoachingSession:
    """Move a session that has not begun to another free time of the same coach, or change nothing.

    The length and the confirmed price stay; a room that exists already goes with it. What its student held in
    this server is let go. For its coach, who has to give a reason, and its student. Moving it to where it is
    already changes nothing.

    A coach may break their own rules, those that they were shown before (`breaking`).

    Raises NotFound to everybody else, and while its coach does not coach here, NotBookable when they have left and
    to a coach who breaks a rule without having been shown it, TooLate when it has begun, is over or cancelled,
    SlotTaken with the nearest free times, Unreadable without a reason. Sessions of a coach who has paused can be
    moved, too.
    """
    found = await movable(session, session_id, actor, now)
    await members.lock(session, found.coach_id, found.student_id)
    found = await movable(session, session_id, actor, now, lock=True)
    if found.starts_at == starts_at:
        return found
    reason = _read_reason(found, actor, reason)
    guild = await session.get_one(Guild, found.guild_id)
    check_notice(found, guild, actor, now)
    coach = await coach_of(session, found)
    broken = await rules_broken(session, found, coach, actor, starts_at, now)
    if not set(broken) <= set(breaking):
        raise NotBookable(f"{' '.join(in_your_words(one, coach) for one in broken)} Choose the time again.")
    await _take(session, found, coach, actor, starts_at, now)
    _write(found, actor, starts_at, reason, now)
    found.kept_at = now if _HOURS.intersection(broken) else None  # they have decided already that it may lie there
    planning.plan_next_step(found, guild, now)
    await _owe_news(session, found, guild, now)
    events.record(session, found, "session_moved", actor, now)
    return found


async def _take(
    session: AsyncSession, found: CoachingSession, coach: Coach, actor: Actor, starts_at: datetime, now: datetime
) -> None:
    """Give the time of the session back, and take the other one instead."""
    # A hold that keeps nothing any more, or the student's own one, must not be in the way of what was offered.
    await holds.release_holds(session, found.guild_id, found.coach_id, found.student_id, now)
    ends_at = starts_at + found.duration
    try:
        async with session.begin_nested():
            await reservations.move_reservations(session, found.id, coach, starts_at, ends_at)
    except IntegrityError as error:
        if reservations.GUARD not in str(error.orig):
            raise
        raise await reservations.slot_taken_error(
            session,
            coach,
            found.student_id,
            starts_at,
            found.duration,
            now,
            reader_id=actor.user_id,
            moving=found.id,
        ) from error


async def coach_of(session: AsyncSession, found: CoachingSession) -> Coach:
    """The coach as they are now, if they may take the session at another time; raises as `reschedule` does."""
    coach = await coaches.approved_coach(session, found.guild_id, found.coach_id)
    eligibility.check_here(coach)
    return coach


async def _owe_news(session: AsyncSession, found: CoachingSession, guild: Guild, now: datetime) -> None:
    """Word of the new time to both, and reminders of it in place of those of the old one."""
    await reminders.drop(session, found.id, now, "the session was moved")
    await reminders.plan(session, found, guild, now)
    await outbox.requeue_sent(session, found.id, NotificationKind.ROOM_WELCOME, now)
    for user_id in (found.student_id, found.coach_id):
        await outbox.enqueue_newest(
            session, NotificationKind.SESSION_RESCHEDULED, guild.id, now=now, user_id=user_id, session_id=found.id
        )


def _write(found: CoachingSession, actor: Actor, starts_at: datetime, reason: str, now: datetime) -> None:
    ends_at = starts_at + found.duration
    found.rescheduled_at, found.rescheduled_by, found.rescheduled_from = now, actor.user_id, found.starts_at
    found.reschedule_reason, found.updated_at = reason or None, now
    found.starts_at, found.ends_at = starts_at, ends_at
    found.access_granted_at, found.reminder_sent = None, False
    found.revision += 1
    found.attempts, found.last_error, found.rooms_lost = 0, None, 0


def _read_reason(found: CoachingSession, actor: Actor, reason: str) -> str:
    reason = reason.strip()
    if actor.user_id == found.coach_id and not reason:
        raise Unreadable("Tell your student why: write a reason.")
    if len(reason) > LONGEST_NOTES:
        raise Unreadable(f"The reason has {len(reason):,} characters; at most {LONGEST_NOTES:,} fit.")
    return reason


def check_notice(found: CoachingSession, guild: Guild, actor: Actor, now: datetime) -> None:
    """Raise TooLate to a student who would move the session with less notice than the server asks for."""
    if cancellation.is_late(found, guild, actor, now):
        notice = write_length(timedelta(minutes=guild.cancel_notice_minutes))
        raise TooLate(
            f"Here sessions can be moved until {notice} before they start, which is over for this one. Ask your "
            "coach to move it, or cancel it: that is a late cancellation."
        )


async def rules_broken(
    session: AsyncSession,
    found: CoachingSession,
    coach: Coach,
    actor: Actor,
    starts_at: datetime,
    now: datetime,
) -> list[SlotRefusal]:
    """Which of their own rules its coach would break by moving the session there; nobody else breaks any.

    Refuses a time to which it could not be moved at this moment. Shown and accepted by one rule. Raises SlotTaken
    with the nearest free times, NotBookable for a coach's time in the past.
    """
    time = coach, found.student_id, starts_at, found.duration, now
    if actor.user_id != found.coach_id:
        await eligibility.check_time(session, *time, reader_id=actor.user_id, moving=found.id)
        return []
    if starts_at <= now:
        raise NotBookable("That time is in the past. Choose a later one.")
    against = await free_times.all_refusals(
        session, coach, starts_at, found.duration, student_id=found.student_id, now=now, moving=found.id
    )
    if (taken := next((one for one in against if one not in _OWN), None)) is not None:
        raise await reservations.slot_taken_error(session, *time, taken, reader_id=actor.user_id, moving=found.id)
    return against


def in_your_words(rule: SlotRefusal, coach: Coach) -> str:
    """What a coach breaks who moves a session past this rule of their own."""
    notice, step = write_length(timedelta(minutes=coach.minimum_notice_minutes)), coach.slot_step_minutes
    return {
        SlotRefusal.TOO_SOON: f"You ask for {notice} of notice.",
        SlotRefusal.TOO_FAR: f"You take bookings up to {coach.horizon_days} days ahead.",
        SlotRefusal.DAY_OFF: "You have that day off.",
        SlotRefusal.OUTSIDE_HOURS: "It's outside your hours.",
        SlotRefusal.OFF_STEP: f"Your sessions start every {step} minutes, but not at that time.",
        SlotRefusal.DAILY_LIMIT: f"That day is full: your limit is {coach.daily_limit} a day.",
        SlotRefusal.WEEKLY_LIMIT: f"That week is full: your limit is {coach.weekly_limit} a week.",
    }[rule]


async def movable(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, lock: bool = False
) -> CoachingSession:
    """The session if this actor may move it now; raises as `reschedule` does."""
    found = await session.get(CoachingSession, session_id, with_for_update=lock, populate_existing=lock)
    if found is None or actor.user_id not in (found.coach_id, found.student_id):
        raise NotFound("You have no such session. `/sessions` lists yours.")
    if found.status is SessionStatus.CANCELLED:
        raise TooLate("This session was cancelled. Book a new one with `/book`.")
    if found.status is not SessionStatus.SCHEDULED or found.starts_at <= now:
        raise TooLate("This session has begun, so it cannot be moved any more. Book another one with `/book`.")
    return found


def check_coaches(found: CoachingSession, actor: Actor) -> None:
    """Raise NotFound to everybody but the session's coach."""
    if actor.user_id != found.coach_id:
        raise NotFound("You coach no such session. `/sessions` lists yours.")


async def keep_session(session: AsyncSession, session_id: int, actor: Actor, now: datetime) -> CoachingSession:
    """Let a session stay although it lies outside its coach's hours. For its coach; raises as `reschedule`."""
    found = await movable(session, session_id, actor, now, lock=True)
    check_coaches(found, actor)
    found.kept_at = found.updated_at = now
    events.record(session, found, "session_kept", actor, now)
    return found
