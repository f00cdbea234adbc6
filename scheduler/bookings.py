"""Booking and cancelling a session."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, NoticeKind, Reservation, SessionStatus
from scheduler import applications, audit, availability, notices, people
from scheduler.clock import stamp
from scheduler.errors import NotBookable, NotFound, SlotTaken, TooLate, Unreadable
from scheduler.lifecycle import LeadTimes, life_of, next_step
from scheduler.money import price
from scheduler.people import Actor
from scheduler.slots import WhyNot

LONGEST_NOTES = 1000
GUARD = "reservations_no_overlap"
"""What the database's refusal of an overlap mentions, on either engine."""
_ALTERNATIVES = 3
_CODE_LETTERS = "23456789bcdfghjkmnpqrstvwxz"  # nothing that looks alike, and no vowels to spell words with


async def book(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    coach_id: int,
    starts_at: datetime,
    duration: timedelta,
    notes: str | None,
    now: datetime,
) -> CoachingSession:
    """Book the coach for the actor: session, both reservations and what both have to be told, or nothing.

    Pressing twice books once: the second time gives back the session of the first.

    Raises SlotTaken with the nearest free times, NotBookable for a length, time or person that can never
    be booked, NotFound for somebody who does not coach here, Unreadable for notes that are too long.
    """
    await people.lock(session, coach_id, actor.user_id)
    if (already := await _booked_before(session, guild.id, actor, coach_id, starts_at, duration)) is not None:
        return already
    coach = await applications.approved_coach(session, guild.id, coach_id)
    await check_free(session, coach, actor, starts_at, duration, notes, now)
    booked = _new_session(coach, actor.user_id, starts_at, duration, notes, now)
    plan_next_step(booked, guild, now)
    session.add(booked)
    await session.flush()
    try:
        async with session.begin_nested():
            session.add_all(_reservations(booked, coach))
    except IntegrityError as error:
        if GUARD not in str(error.orig):
            raise
        raise await taken(session, coach, actor.user_id, starts_at, duration, now) from error
    tell_both(session, booked, NoticeKind.SESSION_BOOKED, now)
    record(session, booked, "session_booked", actor, now)
    return booked


async def check_free(
    session: AsyncSession,
    coach: Coach,
    actor: Actor,
    starts_at: datetime,
    duration: timedelta,
    notes: str | None,
    now: datetime,
) -> None:
    """Refuse what could not be booked at this moment; raises as `book` does. Shown and accepted by one rule."""
    _check_request(coach, actor, starts_at, duration, notes, now)
    await check_time(session, coach, actor.user_id, starts_at, duration, now)


async def cancel(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int | None, reason: str, now: datetime
) -> CoachingSession:
    """Cancel a coming or running session: the time is free at once, the room goes, both are told.

    For its coach, its student, and admins of its server (`guild_id` is where they press; None in a DM).
    Raises NotFound to everybody else, TooLate when it is over or cancelled.
    """
    found = await cancellable(session, session_id, actor, guild_id, now, lock=True)
    if len(reason) > LONGEST_NOTES:
        raise Unreadable(f"The reason has {len(reason):,} characters; at most {LONGEST_NOTES:,} fit.")
    found.status = SessionStatus.CANCELLED
    found.cancelled_at, found.cancelled_by = now, actor.user_id
    found.cancel_reason = reason.strip() or None
    found.updated_at = now
    found.attempts, found.last_error = 0, None
    plan_next_step(found, await session.get_one(Guild, found.guild_id), now)
    await session.execute(delete(Reservation).where(Reservation.session_id == found.id))
    tell_both(session, found, NoticeKind.SESSION_CANCELLED, now)
    record(session, found, "session_cancelled", actor, now)
    return found


async def cancellable(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    guild_id: int | None,
    now: datetime,
    *,
    lock: bool = False,
) -> CoachingSession:
    """The session if this actor may cancel it now; raises as `cancel` does."""
    found = await session.get(CoachingSession, session_id, with_for_update=lock)
    if found is None or not _concerns(found, actor, guild_id):
        raise NotFound("You have no such session. `/sessions` lists yours.")
    if found.status is SessionStatus.CANCELLED:
        when = f" {stamp(found.cancelled_at, 'R')}" if found.cancelled_at else ""
        raise TooLate(f"This session was cancelled{when} already. Book a new one with `/book`.")
    if not is_ahead(found) or found.ends_at <= now:  # the tick that says so may be late
        raise TooLate("This session is over, so it cannot be cancelled. Talk to an admin if it went wrong.")
    return found


def _concerns(row: CoachingSession, actor: Actor, guild_id: int | None) -> bool:
    """For everybody else it does not exist, as far as they learn."""
    return actor.user_id in (row.coach_id, row.student_id) or (actor.is_admin and guild_id == row.guild_id)


async def sessions_of(session: AsyncSession, guild_id: int, user_id: int) -> list[CoachingSession]:
    """Where they are coach or student: what is coming or running first, soonest first, then what is over."""
    found = list(
        await session.scalars(
            select(CoachingSession)
            .where(
                CoachingSession.guild_id == guild_id,
                or_(CoachingSession.coach_id == user_id, CoachingSession.student_id == user_id),
            )
            .order_by(CoachingSession.starts_at)
        )
    )
    coming = [one for one in found if is_ahead(one)]
    return coming + [one for one in reversed(found) if not is_ahead(one)]


def is_ahead(one: CoachingSession) -> bool:
    """Whether it is coming or running, so that it can still be cancelled."""
    return one.status in (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)


def plan_next_step(row: CoachingSession, guild: Guild, now: datetime) -> None:
    """Write on the row when the loop has to look at it again."""
    due = next_step(life_of(row), lead_times(guild), now)
    row.next_step_at = due.at if due else None


def lead_times(guild: Guild) -> LeadTimes:
    """The server's lead times."""
    return LeadTimes(
        room=timedelta(minutes=guild.room_lead_minutes),
        access=timedelta(minutes=guild.access_lead_minutes),
        linger=timedelta(minutes=guild.linger_minutes),
    )


async def _booked_before(
    session: AsyncSession,
    guild_id: int,
    actor: Actor,
    coach_id: int,
    starts_at: datetime,
    duration: timedelta,
) -> CoachingSession | None:
    return await session.scalar(
        select(CoachingSession).where(
            CoachingSession.guild_id == guild_id,
            CoachingSession.coach_id == coach_id,
            CoachingSession.student_id == actor.user_id,
            CoachingSession.starts_at == starts_at,
            CoachingSession.ends_at == starts_at + duration,
            CoachingSession.status == SessionStatus.SCHEDULED,
        )
    )


def check_not_oneself(coach: Coach, actor: Actor) -> None:
    """Raise NotBookable to a coach who looks at their own times."""
    if coach.user_id == actor.user_id:
        raise NotBookable("You cannot book yourself. Choose another coach.")


def _check_request(
    coach: Coach, actor: Actor, starts_at: datetime, duration: timedelta, notes: str | None, now: datetime
) -> None:
    check_not_oneself(coach, actor)
    if duration // timedelta(minutes=1) not in coach.durations_minutes:
        offered = ", ".join(str(minutes) for minutes in coach.durations_minutes)
        raise NotBookable(f"This coach offers {offered} minutes. Choose one of these.")
    if starts_at <= now:
        raise NotBookable("That time is in the past. Choose a coming one.")
    if len(notes or "") > LONGEST_NOTES:
        raise Unreadable(
            f"Your notes have {len(notes or ''):,} characters; at most {LONGEST_NOTES:,} fit. Please shorten them."
        )


def _new_session(
    coach: Coach, student_id: int, starts_at: datetime, duration: timedelta, notes: str | None, now: datetime
) -> CoachingSession:
    return CoachingSession(
        guild_id=coach.guild_id,
        code="".join(secrets.choice(_CODE_LETTERS) for _ in range(7)),
        coach_id=coach.user_id,
        student_id=student_id,
        starts_at=starts_at,
        ends_at=starts_at + duration,
        status=SessionStatus.SCHEDULED,
        notes=(notes or "").strip() or None,
        session_type=coach.session_type,
        total_cost_minor=price(coach.rate_minor, duration),
        currency=coach.currency,
        created_at=now,
        updated_at=now,
        discord_setup_complete=False,
    )


def _reservations(booked: CoachingSession, coach: Coach) -> list[Reservation]:
    return [
        Reservation(
            user_id=coach.user_id,
            starts_at=booked.starts_at - timedelta(minutes=coach.buffer_before_minutes),
            ends_at=booked.ends_at + timedelta(minutes=coach.buffer_after_minutes),
            session_id=booked.id,
        ),
        Reservation(
            user_id=booked.student_id,
            starts_at=booked.starts_at,
            ends_at=booked.ends_at,
            session_id=booked.id,
        ),
    ]


async def check_time(
    session: AsyncSession,
    coach: Coach,
    student_id: int,
    starts_at: datetime,
    duration: timedelta,
    now: datetime,
    moving: int | None = None,
) -> None:
    """Raise unless the listing would offer this start now."""
    why = await availability.why_not(
        session, coach, starts_at, duration, student_id=student_id, now=now, moving=moving
    )
    if why is WhyNot.PAUSED:
        raise NotBookable("This coach takes no new bookings at the moment. Choose another coach with `/book`.")
    if why is not None:
        raise await taken(session, coach, student_id, starts_at, duration, now, why, moving)


async def taken(
    session: AsyncSession,
    coach: Coach,
    student_id: int,
    wanted: datetime,
    duration: timedelta,
    now: datetime,
    why: WhyNot = WhyNot.TAKEN,
    moving: int | None = None,
) -> SlotTaken:
    """The refusal of a time, with the nearest free ones."""
    free = await availability.free_times(session, coach, duration, student_id=student_id, now=now, moving=moving)
    nearest = sorted(free, key=lambda at: (abs(at - wanted), at))[:_ALTERNATIVES]
    return SlotTaken(availability.in_words(why, coach), nearest)


def tell_both(session: AsyncSession, row: CoachingSession, kind: NoticeKind, now: datetime) -> None:
    """Owe student and coach a notice about their session."""
    for user_id in (row.student_id, row.coach_id):
        notices.owe(session, kind, row.guild_id, now=now, user_id=user_id, session_id=row.id)


def record(session: AsyncSession, row: CoachingSession, action: str, actor: Actor, now: datetime) -> None:
    """Write down what somebody did with a session."""
    audit.record(
        session,
        row.guild_id,
        action,
        at=now,
        actor_id=actor.user_id,
        coach_id=row.coach_id,
        session_id=row.id,
    )
