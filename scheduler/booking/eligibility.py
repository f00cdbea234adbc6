"""Whether a student can book what they ask for: the coach's offer, the server's limits, the free times."""

from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    BlockedFrom,
    Coach,
    CoachingSession,
    Guild,
    Hold,
    HoldPurpose,
    Lesson,
    Participant,
    ParticipantStatus,
    SessionStatus,
)
from scheduler.availability import free_times
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import blocks, reservations
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, Unreadable
from scheduler.core.limits import LONGEST_NOTES
from scheduler.parsing.lists import any_of
from scheduler.parsing.money import price, write_money


def check_offered(coach: Coach, actor: Actor) -> None:
    """Raise NotBookable if the actor is the coach, or the coach has left the server."""
    if coach.user_id == actor.user_id:
        raise NotBookable("You can't book yourself. Choose another coach.")
    check_here(coach)


def check_here(coach: Coach) -> None:
    """Raise NotBookable if the coach has left the server."""
    if coach.left_at is not None:
        raise NotBookable("This coach has left the server. Choose another one with `/book`.")


async def check_upcoming(session: AsyncSession, guild: Guild, actor: Actor, now: datetime) -> None:
    """Raise NotBookable if the actor has as many upcoming sessions as the server allows.

    Those that they're paying for count, too, weekly lessons don't.
    """
    sessions = select(func.count()).where(
        CoachingSession.has_participant(
            actor.user_id,
            Participant.guild_id == guild.id,
            Participant.starts_at > now,
            Participant.status == ParticipantStatus.BOOKED,
        ),
        CoachingSession.status == SessionStatus.SCHEDULED,
        ~exists().where(Lesson.session_id == CoachingSession.id),
    )
    unpaid = select(func.count()).where(
        Hold.guild_id == guild.id,
        Hold.student_id == actor.user_id,
        Hold.purpose == HoldPurpose.PAYMENT,
        Hold.expires_at > now,
    )
    counts = await session.execute(select(sessions.scalar_subquery(), unpaid.scalar_subquery()))
    upcoming, being_paid = counts.one()
    if upcoming + being_paid >= guild.most_upcoming:
        also = f" and are paying for {being_paid} more" if being_paid else ""
        raise NotBookable(
            f"You have {upcoming} upcoming session{'' if upcoming == 1 else 's'}{also}, the most allowed here. "
            "Book again after your next one, or cancel one in `/sessions`."
        )


def check_request(
    coach: Coach, actor: Actor, starts_at: datetime, duration: timedelta, notes: str | None, now: datetime
) -> None:
    """Raise NotBookable or Unreadable for what this coach never offers this person."""
    check_offered(coach, actor)
    if duration // timedelta(minutes=1) not in coach.durations_minutes:
        offered = any_of(map(str, sorted(coach.durations_minutes)))
        raise NotBookable(f"This coach offers sessions of {offered} minutes. Choose another length.")
    if starts_at <= now:
        raise NotBookable("That time is in the past. Choose a later one.")
    check_notes(notes or "")


def check_notes(notes: str) -> None:
    """Raise Unreadable for notes that are too long."""
    if len(notes) > LONGEST_NOTES:
        raise Unreadable(
            f"Your notes have {len(notes):,} characters; at most {LONGEST_NOTES:,} fit. Please shorten them."
        )


def check_price(
    coach: Coach, duration: timedelta, agreed_minor: int | None, agreed_currency: str | None = None
) -> None:
    """Raise NotBookable if the price isn't what the student was shown (minor units; None: nothing was shown)."""
    cost = price(coach.rate_minor, duration)
    if agreed_minor not in (None, cost) or (cost and agreed_currency not in (None, coach.currency)):
        is_now = write_money(cost, coach.currency)
        raise NotBookable(f"The coach has changed the price to {is_now}. Choose the time again to book it.")


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
    """Raise what `book` would raise now. One rule decides what is shown and what is accepted."""
    await blocks.require_unblocked(session, guild.id, actor.user_id, BlockedFrom.BOOKING)
    check_request(coach, actor, starts_at, duration, notes, now)
    await check_upcoming(session, guild, actor, now)
    await check_time(session, coach, actor.user_id, starts_at, duration, now)


async def check_time(
    session: AsyncSession,
    coach: Coach,
    student_id: int,
    starts_at: datetime,
    duration: timedelta,
    now: datetime,
    *,
    reader_id: int | None = None,
    rescheduling_id: int | None = None,
) -> None:
    """Raise unless the list of free times would offer this start now."""
    refusals = await free_times.refusals(
        session, coach, starts_at, duration, student_id=student_id, now=now, rescheduling_id=rescheduling_id
    )
    if SlotRefusal.PAUSED in refusals:
        why = free_times.explain(SlotRefusal.PAUSED, coach)
        raise NotBookable(f"{why} Choose another coach with `/book`.")
    if refusals:
        await _check_payments(session, student_id, starts_at, duration, now)
        time = coach, student_id, starts_at, duration, now
        raise await reservations.slot_taken_error(
            session, *time, refusals[0], reader_id=reader_id, rescheduling_id=rescheduling_id
        )


async def _check_payments(
    session: AsyncSession, student_id: int, starts_at: datetime, duration: timedelta, now: datetime
) -> None:
    """Raise NotBookable if it's their own open payment that takes the student's time."""
    own = select(Hold.id).where(
        Hold.student_id == student_id,
        Hold.purpose == HoldPurpose.PAYMENT,
        Hold.expires_at > now,
        Hold.starts_at < starts_at + duration,
        Hold.ends_at > starts_at,
    )
    if await session.scalar(own.limit(1)) is not None:
        raise NotBookable(
            "You're already paying for a session at that time. Pay for it or close it in `/sessions` first."
        )
