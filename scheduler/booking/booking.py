"""Holding and booking a time."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import BlockedFrom, Coach, CoachingSession, Guild, Hold, NotificationKind, Reservation, SessionStatus
from scheduler.availability import free_times, reader_zone
from scheduler.availability.slots import WhyNot
from scheduler.booking import blocks, eligibility
from scheduler.core import coaches, members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, SlotTaken
from scheduler.notifications import outbox, reminders
from scheduler.notifications.outbox import PlannedNotification
from scheduler.parsing.money import price
from scheduler.sessions import events, planning

HOLD = timedelta(minutes=5)
"""For how long a time is kept for somebody who is about to confirm it."""
GUARD = "reservations_no_overlap"
"""What the database's refusal of an overlap mentions, on either engine."""
_ALTERNATIVES = 3
_CODE_LETTERS = "23456789bcdfghjkmnpqrstvwxz"  # nothing that looks alike, and no vowels to spell words with


async def hold(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    coach_id: int,
    starts_at: datetime,
    duration: timedelta,
    now: datetime,
) -> Hold:
    """Keep the time for the actor for 5 minutes, in place of what they held in this server.

    Held again, the same time is not kept any longer. Raises as `book` does.
    """
    await members.lock(session, coach_id, actor.user_id)
    coach = await coaches.approved_coach(session, guild.id, coach_id)
    await require_bookable(session, guild, coach, actor, starts_at, duration, None, now)
    held = await session.scalar(_holds_of(guild.id, actor.user_id))
    what = (coach_id, starts_at, starts_at + duration)
    if held is not None and held.expires_at > now and (held.coach_id, held.starts_at, held.ends_at) == what:
        return held
    await release_holds(session, guild.id, coach_id, actor.user_id, now)
    held = Hold(
        guild_id=guild.id,
        coach_id=coach_id,
        student_id=actor.user_id,
        starts_at=starts_at,
        ends_at=starts_at + duration,
        expires_at=now + HOLD,
    )
    session.add(held)
    await session.flush()
    await _reserve(session, coach, actor.user_id, starts_at, duration, now, hold_id=held.id)
    return held


async def book(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    coach_id: int,
    starts_at: datetime,
    duration: timedelta,
    notes: str | None,
    now: datetime,
    *,
    agreed_minor: int | None = None,
    agreed_currency: str | None = None,
) -> CoachingSession:
    """Book the coach for the actor: session, both reservations and what both have to be told (now, and as
    reminders), or nothing.

    What the actor held in this server is let go. Pressing twice books once: the second time gives back the
    session of the first.

    Raises SlotTaken with the nearest free times, NotBookable for a length, time or person that can never be booked
    and for another price than the one that was `agreed_minor` in `agreed_currency`, NotFound for somebody who does
    not coach here, Blocked to whoever may not book, Unreadable for notes that are too long.
    """
    await members.lock(session, coach_id, actor.user_id)
    if (already := await _booked_before(session, guild.id, actor, coach_id, starts_at, duration)) is not None:
        return already
    coach = await coaches.approved_coach(session, guild.id, coach_id)
    await require_bookable(session, guild, coach, actor, starts_at, duration, notes, now)
    eligibility.check_price(coach, duration, agreed_minor, agreed_currency)
    await release_holds(session, guild.id, coach_id, actor.user_id, now)
    booked = _new_session(coach, actor.user_id, starts_at, duration, notes, now)
    planning.plan_next_step(booked, guild, now)
    session.add(booked)
    await session.flush()
    await _reserve(session, coach, actor.user_id, starts_at, duration, now, session_id=booked.id)
    both = (booked.student_id, booked.coach_id)
    news = [
        PlannedNotification(NotificationKind.SESSION_BOOKED, guild.id, user_id, booked.id, due_at=now)
        for user_id in both
    ]
    await outbox.enqueue_all(session, news + reminders.planned_reminders(booked, guild, now), now)
    events.record(session, booked, "session_booked", actor, now)
    return booked


async def require_bookable(
    session: AsyncSession,
    guild: Guild,
    coach: Coach,
    actor: Actor,
    starts_at: datetime,
    duration: timedelta,
    notes: str | None,
    now: datetime,
) -> None:
    """Refuse what could not be booked at this moment; raises as `book` does. Shown and accepted by one rule."""
    await blocks.check(session, guild.id, actor.user_id, BlockedFrom.BOOKING)
    eligibility.check_request(coach, actor, starts_at, duration, notes, now)
    await eligibility.check_coming(session, guild, actor, now)
    await check_time(session, coach, actor.user_id, starts_at, duration, now)


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


async def _reserve(
    session: AsyncSession,
    coach: Coach,
    student_id: int,
    starts_at: datetime,
    duration: timedelta,
    now: datetime,
    **owner: int,
) -> None:
    """Take the time from both people; the database itself has the last word on whether it is free."""
    ends_at = starts_at + duration
    before, after = timedelta(minutes=coach.buffer_before_minutes), timedelta(minutes=coach.buffer_after_minutes)
    both = [
        owner | {"user_id": coach.user_id, "starts_at": starts_at - before, "ends_at": ends_at + after},
        owner | {"user_id": student_id, "starts_at": starts_at, "ends_at": ends_at},
    ]
    try:
        async with session.begin_nested():
            await session.execute(insert(Reservation), both)
    except IntegrityError as error:
        if GUARD not in str(error.orig):
            raise
        raise await slot_taken_error(session, coach, student_id, starts_at, duration, now) from error


async def release_holds(
    session: AsyncSession, guild_id: int, coach_id: int, student_id: int, now: datetime
) -> None:
    """Drop what the student holds in this server, and what has expired of either person's.

    Locked by ascending id, so that two transactions that drop the same holds do not wait in a circle.
    """
    gone = select(Hold.id).where(is_let_go(guild_id, coach_id, student_id, now))
    ids = list(await session.scalars(gone.order_by(Hold.id).with_for_update()))
    if ids:
        await session.execute(delete(Hold).where(Hold.id.in_(ids)))


def is_let_go(guild_id: int, coach_id: int, student_id: int, now: datetime) -> ColumnElement[bool]:
    """Whether a hold is in nobody's way when these two take a time."""
    people_ids = (coach_id, student_id)
    involves = or_(Hold.coach_id.in_(people_ids), Hold.student_id.in_(people_ids))
    theirs = and_(Hold.guild_id == guild_id, Hold.student_id == student_id)
    return or_(theirs, and_(Hold.expires_at <= now, involves))


def _holds_of(guild_id: int, student_id: int) -> Select[Hold]:
    return select(Hold).where(Hold.guild_id == guild_id, Hold.student_id == student_id)


async def check_time(
    session: AsyncSession,
    coach: Coach,
    student_id: int,
    starts_at: datetime,
    duration: timedelta,
    now: datetime,
    *,
    reader_id: int | None = None,
    moving: int | None = None,
) -> None:
    """Raise unless the listing would offer this start now."""
    why = await free_times.why_not(
        session, coach, starts_at, duration, student_id=student_id, now=now, moving=moving
    )
    if why is WhyNot.PAUSED:
        raise NotBookable("This coach takes no new bookings at the moment. Choose another coach with `/book`.")
    if why is not None:
        raise await slot_taken_error(
            session, coach, student_id, starts_at, duration, now, why, reader_id=reader_id, moving=moving
        )


async def slot_taken_error(
    session: AsyncSession,
    coach: Coach,
    student_id: int,
    wanted: datetime,
    duration: timedelta,
    now: datetime,
    why: WhyNot = WhyNot.TAKEN,
    *,
    reader_id: int | None = None,
    moving: int | None = None,
) -> SlotTaken:
    """The refusal of a time, with the nearest free ones on the clock of who reads it (else the student)."""
    free = await free_times.free_times(session, coach, duration, student_id=student_id, now=now, moving=moving)
    present = await session.get(CoachingSession, moving) if moving is not None else None
    others = (at for at in free if present is None or at != present.starts_at)
    nearest = sorted(others, key=lambda at: (abs(at - wanted), at))[:_ALTERNATIVES]
    guild = await session.get_one(Guild, coach.guild_id)
    return SlotTaken(
        # Only what was listed is asked for here, so it is gone since then.
        "That time was just taken." if why is WhyNot.TAKEN else free_times.in_words(why, coach),
        nearest,
        coach_id=coach.user_id,
        duration=duration,
        zone_name=await reader_zone.zone_name_of(session, reader_id or student_id, guild.time_zone),
        moving=moving,
    )
