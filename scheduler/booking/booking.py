"""Booking a time."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    BlockedFrom,
    Coach,
    CoachingSession,
    Guild,
    Hold,
    NotificationKind,
    Participant,
    ParticipantStatus,
    SessionStatus,
)
from scheduler.availability import closed_times
from scheduler.booking import blocks, eligibility, releases, reservations
from scheduler.core import coaches, members
from scheduler.core.actor import Actor
from scheduler.notifications import outbox, reminders
from scheduler.notifications.outbox import PlannedNotification
from scheduler.parsing.money import price
from scheduler.sessions import events, planning

ReserveCredit = Callable[[AsyncSession, Participant, Coach, datetime], Awaitable[list[PlannedNotification]]]
"""Takes what a session costs from the participant's credit, and returns what to tell them about it."""
_CODE_LETTERS = "23456789bcdfghjkmnpqrstvwxz"  # no letters that look alike, no vowels that spell words


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
    reserve_credit: ReserveCredit | None = None,
) -> CoachingSession:
    """Book a coach for the actor: write the session, both reservations, notifications and reminders, or nothing.

    Releases what the actor is choosing in this server. Booking the same again returns the first session. With
    `reserve_credit` it costs no money but the actor's minutes, which that takes.

    Raises SlotTaken with the nearest free times, NotBookable for a length, time or person that can never be booked
    and when the price is no longer `agreed_minor` in `agreed_currency`, NotFound for someone who doesn't coach
    here, Blocked if the actor can't book here, Unreadable for notes that are too long.
    """
    await members.lock(session, coach_id, actor.user_id)
    if (already := await _booked_before(session, guild.id, actor, coach_id, starts_at, duration)) is not None:
        return already
    coach = await coaches.approved_coach(session, guild.id, coach_id)
    await eligibility.require_bookable(session, guild, coach, actor, starts_at, duration, notes, now)
    eligibility.check_price(coach, duration, agreed_minor, agreed_currency)
    await releases.release_holds(session, guild.id, coach_id, actor.user_id, now, taking=starts_at)
    booked = new_session(coach, actor.user_id, starts_at, duration, notes, now)
    if reserve_credit is not None:
        use_credit(booked.student)
    await _write(session, guild, coach, booked, actor, now, reserve_credit)
    return booked


async def book_held(
    session: AsyncSession,
    guild: Guild,
    held: Hold,
    notes: str | None,
    cost_minor: int,
    currency: str,
    now: datetime,
    *,
    reserve_credit: ReserveCredit | None = None,
) -> CoachingSession:
    """Book what a hold keeps for its student, at this price. Rules were checked when it was held.

    With `reserve_credit` the price is only what the student's minutes stand for, which that takes. Both people
    must be locked. Raises NotFound or NotBookable if the coach no longer coaches here, NotBookable if nothing
    takes place then any more, Blocked if the student can't book here any more.
    """
    coach = await coaches.approved_coach(session, guild.id, held.coach_id)
    eligibility.check_here(coach)
    await blocks.require_unblocked(session, guild.id, held.student_id, BlockedFrom.BOOKING)
    await closed_times.check_open(session, coach, held.starts_at, held.ends_at)  # it may have closed since
    booked = new_session(coach, held.student_id, held.starts_at, held.ends_at - held.starts_at, notes, now)
    booked.student.total_cost_minor, booked.currency = cost_minor, currency
    await session.execute(delete(Hold).where(Hold.id == held.id))
    people = held.coach_id, held.student_id
    await releases.release_holds(session, guild.id, *people, now, taking=held.starts_at)
    if reserve_credit is not None:
        use_credit(booked.student)
    await _write(session, guild, coach, booked, Actor(held.student_id), now, reserve_credit)
    return booked


def use_credit(seat: Participant) -> None:
    """Have a new participant pay with minutes of credit in place of money."""
    seat.credit_minutes = seat.session.duration // timedelta(minutes=1)
    seat.credit_worth_minor, seat.total_cost_minor = seat.total_cost_minor, 0


async def _write(
    session: AsyncSession,
    guild: Guild,
    coach: Coach,
    booked: CoachingSession,
    actor: Actor,
    now: datetime,
    reserve_credit: ReserveCredit | None = None,
) -> None:
    """Store a new session with both reservations, notifications and reminders. Raises SlotTaken."""
    planning.plan_next_step(booked, guild, now)
    session.add(booked)
    await session.flush()
    await reservations.reserve(
        session, coach, booked.student_id, booked.starts_at, booked.duration, now, session_id=booked.id
    )
    news = await reserve_credit(session, booked.student, coach, now) if reserve_credit is not None else []
    news += [
        PlannedNotification(NotificationKind.SESSION_BOOKED, guild.id, user_id, booked.id, due_at=now)
        for user_id in (booked.student_id, booked.coach_id)
    ]
    await outbox.enqueue_all(session, news + reminders.planned_reminders(booked, guild, now), now)
    events.record(session, booked, "session_booked", actor, now)


async def _booked_before(
    session: AsyncSession, guild_id: int, actor: Actor, coach_id: int, starts_at: datetime, duration: timedelta
) -> CoachingSession | None:
    return await session.scalar(
        select(CoachingSession).where(
            CoachingSession.has_participant(
                actor.user_id,
                Participant.guild_id == guild_id,
                Participant.coach_id == coach_id,
                Participant.starts_at == starts_at,
            ),
            CoachingSession.ends_at == starts_at + duration,
            CoachingSession.status == SessionStatus.SCHEDULED,
        )
    )


def new_code() -> str:
    """Make a short public code."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(7))


def new_session(
    coach: Coach, student_id: int, starts_at: datetime, duration: timedelta, notes: str | None, now: datetime
) -> CoachingSession:
    """Return a session for one at the coach's price, which isn't stored yet."""
    return CoachingSession(
        guild_id=coach.guild_id,
        code=new_code(),
        coach_id=coach.user_id,
        starts_at=starts_at,
        ends_at=starts_at + duration,
        status=SessionStatus.SCHEDULED,
        session_type=coach.session_type,
        currency=coach.currency,
        created_at=now,
        updated_at=now,
        discord_setup_complete=False,
        participants=[
            Participant(
                guild_id=coach.guild_id,
                user_id=student_id,
                coach_id=coach.user_id,
                starts_at=starts_at,
                status=ParticipantStatus.BOOKED,
                joined_at=now,
                notes=(notes or "").strip() or None,
                total_cost_minor=price(coach.rate_minor, duration),
            )
        ],
    )
