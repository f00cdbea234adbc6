"""What a session costs in credit: reserved when it's booked, then charged or given back."""

from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AHEAD,
    Coach,
    CoachingSession,
    CreditLot,
    Guild,
    NotificationKind,
    Participant,
    ParticipantStatus,
    SessionStatus,
)
from scheduler.booking import booking, cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotBookable, NotFound, TooLate
from scheduler.credits import ledger
from scheduler.notifications import outbox
from scheduler.notifications.outbox import PlannedNotification
from scheduler.sessions import events, lookup
from scheduler.sessions.charge_standing import can_waive
from scheduler.waiting_list import answers
from scheduler.workshops import seats

LOW = 60
"""A person is told once no more than these minutes are left."""


class Charge(Enum):
    """What becomes of the minutes that a session was booked with."""

    RESERVED = auto()
    CHARGED = auto()
    RETURNED = auto()


def charge_of(seat: Participant) -> Charge:
    """Decide from how the session ended for a participant what becomes of their minutes.

    Who left a workshop too late pays nothing if those who stayed couldn't have it either.
    """
    row = seat.session
    if row.status in AHEAD and seat.status is not ParticipantStatus.LEFT:
        return Charge.RESERVED
    if seat.charge_waived_at is not None:
        return Charge.RETURNED
    took_place = (row.missed_at is None or bool(row.took_place)) and not row.coach_absent
    if seat.status is ParticipantStatus.LEFT:
        fell_through = bool(row.taking_part) and (row.status is SessionStatus.CANCELLED or not took_place)
        return Charge.CHARGED if seat.cancelled_late and not fell_through else Charge.RETURNED
    if row.status is SessionStatus.CANCELLED:
        return Charge.CHARGED if seat.cancelled_late else Charge.RETURNED
    return Charge.CHARGED if took_place else Charge.RETURNED


def charge_if_cancelled(row: CoachingSession, guild: Guild, actor: Actor, now: datetime) -> Charge:
    """Say what would become of the minutes if this actor cancelled the session now."""
    return Charge.CHARGED if cancellation.is_late(row, guild, actor, now) else Charge.RETURNED


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
    """Book as `booking.book` does, with the actor's credit in place of money. All of it, or nothing is booked.

    Also raises NotBookable if there isn't enough credit.
    """
    return await booking.book(
        session, guild, actor, coach_id, starts_at, duration, notes, now, reserve_credit=reserve
    )


async def take_offer(session: AsyncSession, offer_id: int, actor: Actor, now: datetime) -> CoachingSession:
    """Take an offer of the waiting list as `answers.take` does, with the actor's credit in place of money."""
    return await answers.take(session, offer_id, actor, now, reserve_credit=reserve)


async def take_seat(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    now: datetime,
    *,
    agreed_minor: int | None = None,
    agreed_currency: str | None = None,
) -> Participant:
    """Take a seat in a workshop as `seats.take` does, with as many minutes of the actor's credit as it's long.

    Also raises NotBookable if there isn't enough credit.
    """
    return await seats.take(
        session,
        session_id,
        actor,
        now,
        agreed_minor=agreed_minor,
        agreed_currency=agreed_currency,
        reserve_credit=reserve,
    )


async def reserve(
    session: AsyncSession, seat: Participant, coach: Coach, now: datetime
) -> list[PlannedNotification]:
    """Take what a session costs from its participant's credit, and return what to tell them about it.

    Raises NotBookable if there isn't enough.
    """
    minutes, user_id, booked = seat.credit_minutes or 0, seat.user_id, seat.session
    theirs, usable = await ledger.lots_to_take_from(session, user_id, coach, booked.starts_at, now)
    if (left := ledger.minutes_in(usable)) < minutes:
        raise NotBookable(
            f"You have {left} minutes of credit for this, and it takes {minutes}. Choose the time again to pay "
            "another way, or choose a shorter session."
        )
    before = ledger.minutes_in(theirs)
    await ledger.reserve(session, usable, minutes, booked.id, now)
    if not before - minutes <= LOW < before:
        return []
    return [PlannedNotification(NotificationKind.CREDITS_LOW, booked.guild_id, user_id, None, due_at=now)]


async def settle(session: AsyncSession, seat: Participant, now: datetime) -> None:
    """Charge or give back what a participant's session took, so that it agrees with how it ended for them.

    If it's charged after all, and what was given back is spent, the audit log says so and nothing is taken.
    """
    if seat.credit_minutes is None:
        return
    row = seat.session
    match charge_of(seat):
        case Charge.CHARGED if seat.credit_charged_at is None:
            taken = await ledger.taken_for(session, row.id, seat.user_id) or await _take_again(session, seat, now)
            if not taken:
                events.record_by_bot(session, row, "credits_short", now, minutes=seat.credit_minutes)
                return
            await ledger.charge(session, taken, row.id, now)
            seat.credit_charged_at = now
        case Charge.RETURNED:
            if taken := await ledger.taken_for(session, row.id, seat.user_id):
                await ledger.give_back(session, taken, row.id, now)
            seat.credit_charged_at = None
        case _:
            pass


async def _take_again(session: AsyncSession, seat: Participant, now: datetime) -> dict[CreditLot, int]:
    row = seat.session
    coach = await session.get_one(Coach, (row.guild_id, row.coach_id))
    _, usable = await ledger.lots_to_take_from(session, seat.user_id, coach, row.starts_at, now)
    minutes = seat.credit_minutes or 0
    if ledger.minutes_in(usable) < minutes:
        return {}
    await ledger.reserve(session, usable, minutes, row.id, now)
    return await ledger.taken_for(session, row.id, seat.user_id)


def is_about_a_charge(seat: Participant) -> bool:
    """Whether credit was used for it, or a card was charged for it, or that was given back."""
    about = seat.credit_minutes, seat.credit_charged_at, seat.charge_waived_at
    return any(one is not None for one in about)


async def waive(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    now: datetime,
    *,
    guild_id: int | None = None,
    of: int | None = None,
) -> CoachingSession:
    """Give back what a session was charged, credit or money, and tell the student. Does nothing the second time.

    `of` says whose charge it is; without it, it's that of the only participant.

    For its coach, and for other admins in its server (`guild_id`). Raises NotFound to everyone else,
    AlreadyDecided if nothing is charged, TooLate a week after the end.
    """
    found = await lookup.find_visible(session, session_id, actor, guild_id, lock=True)
    seat = found.participant_or_only(of)
    is_others = actor.user_id == found.coach_id or (actor.is_admin and guild_id == found.guild_id)
    if seat is None or actor.user_id == seat.user_id or not is_others or not is_about_a_charge(seat):
        raise NotFound("You have no such charge to waive. `/sessions` lists your sessions.")
    if seat.charge_waived_at is not None:
        return found
    if seat.credit_charged_at is None:
        raise AlreadyDecided("This session isn't charged, so there's nothing to waive.")
    if not can_waive(seat, actor.user_id, now, is_admin=actor.is_admin):
        raise TooLate("It's too late to waive the charge: you had a week. An admin can grant credit instead.")
    await return_charge(session, seat, actor, now)
    kind = NotificationKind.CHARGE_WAIVED
    outbox.enqueue(session, kind, found.guild_id, now=now, user_id=seat.user_id, session_id=found.id)
    card = NotificationKind.DISPUTE_CARD
    await outbox.requeue_newest(session, found.id, card, now, about_user_id=seat.user_id)
    events.record(session, found, "charge_waived", actor, now)
    return found


async def return_charge(session: AsyncSession, seat: Participant, actor: Actor, now: datetime) -> None:
    """Give back what a participant was charged, whatever else becomes of the session."""
    seat.charge_waived_at, seat.charge_waived_by = now, actor.user_id
    seat.session.updated_at = now
    await events.settle_one(session, seat, now)
    await outbox.requeue_direct(session, seat.session_id, now)
