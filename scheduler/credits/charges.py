"""What a session costs in credit: reserved when it's booked, then charged or given back."""

from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy.ext.asyncio import AsyncSession

from models import Absent, Coach, CoachingSession, CreditLot, Guild, NotificationKind, SessionStatus
from scheduler.booking import booking, cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotBookable, NotFound, TooLate
from scheduler.credits import ledger
from scheduler.notifications import outbox
from scheduler.notifications.outbox import PlannedNotification
from scheduler.sessions import events, lookup
from scheduler.sessions.charge_standing import can_waive
from scheduler.waiting_list import answers

LOW = 60
"""A person is told once no more than these minutes are left."""


class Charge(Enum):
    """What becomes of the minutes that a session was booked with."""

    RESERVED = auto()
    CHARGED = auto()
    RETURNED = auto()


def charge_of(row: CoachingSession) -> Charge:
    """Decide from how the session ended what becomes of its minutes."""
    if row.status in (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS):
        return Charge.RESERVED
    if row.charge_waived_at is not None:
        return Charge.RETURNED
    is_charged = {
        SessionStatus.COMPLETED: row.missed_at is None or bool(row.took_place),
        SessionStatus.CANCELLED: bool(row.cancelled_late),
        SessionStatus.NO_SHOW: row.absent is Absent.STUDENT,
    }
    return Charge.CHARGED if is_charged[row.status] else Charge.RETURNED


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
        session, guild, actor, coach_id, starts_at, duration, notes, now, reserve_credit=_reserve
    )


async def take_offer(session: AsyncSession, offer_id: int, actor: Actor, now: datetime) -> CoachingSession:
    """Take an offer of the waiting list as `answers.take` does, with the actor's credit in place of money."""
    return await answers.take(session, offer_id, actor, now, reserve_credit=_reserve)


async def _reserve(
    session: AsyncSession, booked: CoachingSession, coach: Coach, now: datetime
) -> list[PlannedNotification]:
    minutes, user_id = booked.credit_minutes or 0, booked.student_id
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


async def settle(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Charge or give back what the session took, so that it agrees with how the session ended.

    If it's charged after all, and what was given back is spent, the audit log says so and nothing is taken.
    """
    if row.credit_minutes is None:
        return
    match charge_of(row):
        case Charge.CHARGED if row.credit_charged_at is None:
            taken = await ledger.taken_for(session, row.id) or await _take_again(session, row, now)
            if not taken:
                events.record_by_bot(session, row, "credits_short", now, minutes=row.credit_minutes)
                return
            await ledger.charge(session, taken, row.id, now)
            row.credit_charged_at = now
        case Charge.RETURNED:
            if taken := await ledger.taken_for(session, row.id):
                await ledger.give_back(session, taken, row.id, now)
            row.credit_charged_at = None
        case _:
            pass


async def _take_again(session: AsyncSession, row: CoachingSession, now: datetime) -> dict[CreditLot, int]:
    coach = await session.get_one(Coach, (row.guild_id, row.coach_id))
    _, usable = await ledger.lots_to_take_from(session, row.student_id, coach, row.starts_at, now)
    minutes = row.credit_minutes or 0
    if ledger.minutes_in(usable) < minutes:
        return {}
    await ledger.reserve(session, usable, minutes, row.id, now)
    return await ledger.taken_for(session, row.id)


def is_about_a_charge(row: CoachingSession) -> bool:
    """Whether credit was used for a session, or a card was charged for it, or that was given back."""
    about = row.credit_minutes, row.credit_charged_at, row.charge_waived_at
    return any(one is not None for one in about)


async def waive(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, guild_id: int | None = None
) -> CoachingSession:
    """Give back what a session was charged, credit or money, and tell the student. Does nothing the second time.

    For its coach, and for other admins in its server (`guild_id`). Raises NotFound to everyone else,
    AlreadyDecided if nothing is charged, TooLate a week after the end.
    """
    found = await lookup.find_visible(session, session_id, actor, guild_id, lock=True)
    if actor.user_id == found.student_id or not is_about_a_charge(found):
        raise NotFound("You have no such charge to waive. `/sessions` lists your sessions.")
    if found.charge_waived_at is not None:
        return found
    if found.credit_charged_at is None:
        raise AlreadyDecided("This session isn't charged, so there's nothing to waive.")
    if not can_waive(found, actor.user_id, now, is_admin=actor.is_admin):
        raise TooLate("It's too late to waive the charge: you had a week. An admin can grant credit instead.")
    await return_charge(session, found, actor, now)
    kind = NotificationKind.CHARGE_WAIVED
    outbox.enqueue(session, kind, found.guild_id, now=now, user_id=found.student_id, session_id=found.id)
    await outbox.requeue_newest(session, found.id, NotificationKind.DISPUTE_CARD, now)
    events.record(session, found, "charge_waived", actor, now)
    return found


async def return_charge(session: AsyncSession, found: CoachingSession, actor: Actor, now: datetime) -> None:
    """Give back what a session was charged, whatever else becomes of it."""
    found.charge_waived_at, found.charge_waived_by = now, actor.user_id
    found.updated_at = now
    await events.settle(session, found, now)
    await outbox.requeue_direct(session, found.id, now)
