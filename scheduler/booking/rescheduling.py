"""Rescheduling a session, or keeping it outside its coach's hours."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, NotificationKind, SessionStatus
from scheduler.availability import free_times
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import cancellation, eligibility, releases, reservations
from scheduler.core import coaches, members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, NotBookable, NotFound, TooLate, Unreadable
from scheduler.notifications import outbox, reminders
from scheduler.parsing.durations import write_length
from scheduler.sessions import events, lifecycle, lookup, planning
from scheduler.time.time_zones import is_known

_HOURS = {SlotRefusal.DAY_OFF, SlotRefusal.OUTSIDE_HOURS}
_UNBREAKABLE = {
    SlotRefusal.TAKEN,
    SlotRefusal.STUDENT_BUSY,
    SlotRefusal.BUFFER,
    SlotRefusal.CLOSED,
    SlotRefusal.AWAY,
}
"""Coaches can break the rules they set for themselves, but neither the server's nor take time that isn't free.

Somebody who's away says that they're back first.
"""


async def reschedule(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    starts_at: datetime,
    reason: str,
    now: datetime,
    *,
    breaking: Collection[SlotRefusal] = (),
    guild_id: int | None = None,
) -> CoachingSession:
    """Reschedule a session that hasn't started to another free time of the same coach, or change nothing.

    Keeps the length, the price and a room that already exists, and releases what the student holds in this server.
    For the student, for the coach, who has to give a reason, and for admins of its server (`guild_id` is the
    server they're in). The coach can break their own rules, but only those they were shown (`breaking`).
    Works even if the coach has paused bookings. Rescheduling to the same time changes nothing.

    Raises NotFound to everyone else and if the coach no longer coaches here, NotBookable if they've left, have an
    unknown time zone or break a rule they weren't shown, TooLate if the session has started, is over or cancelled,
    SlotTaken with the nearest free times, Unreadable if the reason is missing or too long.
    """
    found = await find_reschedulable(session, session_id, actor, now, guild_id=guild_id)
    await members.lock(session, found.coach_id, found.student_id)
    found = await find_reschedulable(session, session_id, actor, now, lock=True, guild_id=guild_id)
    if found.starts_at == starts_at:
        return found
    reason = reason.strip()
    if actor.user_id == found.coach_id and not reason:
        raise Unreadable("Add a reason, so your student knows why.")
    cancellation.check_reason(reason)
    guild = await session.get_one(Guild, found.guild_id)
    check_notice(found, guild, actor, now)
    coach = await find_coach(session, found, actor)
    broken = await find_broken_rules(session, found, coach, actor, starts_at, now)
    if not set(broken) <= set(breaking):
        raise NotBookable(f"{' '.join(describe_rule(one, coach) for one in broken)} Choose the time again.")
    # Expired holds and the student's own mustn't get in the way of a time that was offered.
    await releases.release_holds(session, found.guild_id, found.coach_id, found.student_id, now)
    await reservations.reschedule(session, found, coach, starts_at, now, reader_id=actor.user_id)
    await take_new_time(session, found, guild, actor, starts_at, reason, now)
    found.kept_at = now if _HOURS.intersection(broken) else None  # they've already agreed to it
    for user_id in (found.student_id, found.coach_id):
        await outbox.enqueue_newest(
            session, NotificationKind.SESSION_RESCHEDULED, guild.id, now=now, user_id=user_id, session_id=found.id
        )
    events.record(session, found, "session_moved", actor, now)
    return found


async def find_coach(session: AsyncSession, found: CoachingSession, actor: Actor) -> Coach:
    """Return the coach as they are now, if they still coach here; raises as `reschedule` does."""
    coach = await coaches.approved_coach(session, found.guild_id, found.coach_id)
    eligibility.check_here(coach)
    if not is_known(coach.time_zone):
        raise NotBookable(
            "I no longer know your time zone. Choose one in `/availability`, then reschedule."
            if actor.user_id == coach.user_id
            else "Your coach has to choose a time zone in `/availability` before this session can be rescheduled. "
            "Ask them to, or cancel the session."
        )
    return coach


async def take_new_time(
    session: AsyncSession,
    found: CoachingSession,
    guild: Guild,
    actor: Actor,
    starts_at: datetime,
    reason: str,
    now: datetime,
) -> None:
    """Give a session the time that's already reserved for it, with new reminders. Checks and notifies nobody."""
    _write(found, actor, starts_at, reason, now)
    planning.plan_next_step(found, guild, now)
    await outbox.drop(session, found.id, [NotificationKind.SESSION_REMINDER], "the session was rescheduled", now)
    await reminders.plan(session, found, guild, now)
    await events.update_room_messages(session, found, now)
    await outbox.requeue_direct(session, found.id, now)
    await events.follow_rescheduled(session, found, now)


def _write(found: CoachingSession, actor: Actor, starts_at: datetime, reason: str, now: datetime) -> None:
    ends_at = starts_at + found.duration
    found.rescheduled_at, found.rescheduled_by, found.rescheduled_from = now, actor.user_id, found.starts_at
    found.reschedule_reason, found.updated_at = reason or None, now
    found.starts_at, found.ends_at = starts_at, ends_at
    found.access_granted_at, found.reminder_sent = None, False
    found.revision += 1
    found.attempts, found.last_error, found.rooms_lost = 0, None, 0
    found.coach_late_minutes = found.student.late_minutes = None  # they said that about the old time


def check_notice(found: CoachingSession, guild: Guild, actor: Actor, now: datetime) -> None:
    """Raise TooLate if a student reschedules with less notice than the server asks for."""
    if cancellation.is_late(found, guild, actor, now):
        notice = write_length(timedelta(minutes=guild.cancel_notice_minutes))
        raise TooLate(
            f"It's too late to reschedule: this server asks for {notice} of notice. Ask your coach to reschedule, "
            "or cancel, which counts as a late cancellation."
        )


async def find_broken_rules(
    session: AsyncSession, found: CoachingSession, coach: Coach, actor: Actor, starts_at: datetime, now: datetime
) -> list[SlotRefusal]:
    """Return which of their own rules the coach would break with this time; nobody else can break any.

    One rule decides what is shown and what is accepted. Raises SlotTaken with the nearest free times, NotBookable
    for a coach's time in the past.
    """
    time = coach, found.student_id, starts_at, found.duration, now
    if actor.user_id != found.coach_id:
        await eligibility.check_time(session, *time, reader_id=actor.user_id, rescheduling_id=found.id)
        return []
    if starts_at <= now:
        raise NotBookable("That time is in the past. Choose a later one.")
    refusals = await free_times.refusals(
        session, coach, starts_at, found.duration, student_id=found.student_id, now=now, rescheduling_id=found.id
    )
    if (refusal := next((one for one in refusals if one in _UNBREAKABLE), None)) is not None:
        raise await reservations.slot_taken_error(
            session, *time, refusal, reader_id=actor.user_id, rescheduling_id=found.id
        )
    return refusals


def describe_rule(rule: SlotRefusal, coach: Coach) -> str:
    """Tell a coach which of their own rules this is."""
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


async def find_reschedulable(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    now: datetime,
    *,
    lock: bool = False,
    guild_id: int | None = None,
) -> CoachingSession:
    """Return the session if this actor can reschedule it now; raises as `reschedule` does."""
    found = await find_ahead(session, session_id, actor, now, lock=lock, guild_id=guild_id)
    if found.is_workshop:
        raise NotAllowed("A workshop can't be rescheduled. Its coach can cancel it and announce a new one.")
    return found


async def find_ahead(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, lock: bool, guild_id: int | None = None
) -> CoachingSession:
    """Return the session if it hasn't started. Raises NotFound to whom it doesn't concern, TooLate."""
    found = await lookup.find_visible(session, session_id, actor, guild_id, lock=lock)
    if found.status is SessionStatus.CANCELLED:
        raise TooLate("This session was cancelled. Book a new one with `/book`.")
    if found.status is not SessionStatus.SCHEDULED or lifecycle.has_started(found, now):
        raise TooLate(
            "This session has already started, so it can't be rescheduled. Book another one with `/book`."
        )
    return found


def require_coach(found: CoachingSession, actor: Actor) -> None:
    """Raise NotFound to everyone but the session's coach."""
    if actor.user_id != found.coach_id:
        raise NotFound("You don't coach that session. `/sessions` lists yours.")


async def keep_session(session: AsyncSession, session_id: int, actor: Actor, now: datetime) -> CoachingSession:
    """Keep a session that's outside its coach's hours. For its coach; raises as `reschedule` does."""
    found = await find_ahead(session, session_id, actor, now, lock=True)
    require_coach(found, actor)
    found.kept_at = found.updated_at = now
    events.record(session, found, "session_kept", actor, now)
    return found
