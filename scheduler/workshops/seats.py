"""Seats of a workshop: taking one, and holding one until it's paid for. `leaving` gives them back.

People press at the same time. Each locks only themselves and, shared with the others, the session, and takes the
seat with one statement. So they don't wait for each other until, at the very end, the announcement changes.
Whoever changes the session as a whole locks it alone, and waits for all of them.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    BlockedFrom,
    Coach,
    CoachingSession,
    Guild,
    Hold,
    HoldPurpose,
    NotificationKind,
    Participant,
    ParticipantStatus,
    Seat,
    SessionStatus,
    Workshop,
)
from scheduler.availability import closed_times
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import blocks, booking, eligibility, releases, reservations
from scheduler.booking.booking import ReserveCredit
from scheduler.core import coaches, members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, NotFound, TooLate, WorkshopFull
from scheduler.notifications import outbox, reminders
from scheduler.parsing.money import write_money
from scheduler.sessions import lifecycle, planning
from scheduler.workshops import announcements, presses
from scheduler.workshops.free_seats import claim, free_seats, is_free
from scheduler.workshops.leaving import find_to_leave, leave

__all__ = [
    "book_held",
    "check_can_take",
    "find_to_leave",
    "free_seats",
    "has_paid_before",
    "hold",
    "leave",
    "take",
]

Follow = Callable[[AsyncSession, Participant, datetime], Awaitable[None]]
_taking: list[Follow] = []


def on_taken(*following: Follow) -> None:
    """Register what else follows, in the same transaction, when somebody gets a seat."""
    _taking.extend(following)


async def take(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    now: datetime,
    *,
    agreed_minor: int | None = None,
    agreed_currency: str | None = None,
    reserve_credit: ReserveCredit | None = None,
) -> Participant:
    """Give the actor a seat. Does nothing if they have one.

    Releases what they're choosing in this server. With `reserve_credit` it costs no money but their minutes, which
    that takes; see `credits.charges.take_seat`. Who was charged for a seat, because they left it too late, comes
    back without paying again.

    Raises NotFound, WorkshopFull, TooLate once it has started or was cancelled, Blocked if they can't book here,
    NotBookable for its coach, for someone who has another session then or as many upcoming ones as the server
    allows, if they're paying for a seat here, if the price is no longer `agreed_minor` in `agreed_currency`, and
    if credit isn't taken or not enough.
    """
    workshop, row, guild = await _enter(session, session_id, actor, now)
    if (already := presses.seat_of(row, actor.user_id)) is not None:
        return already
    await releases.announce_expired_seats(session, row.id, now)
    await check_can_take(session, row, guild, actor, now)
    await releases.release_holds(session, guild.id, actor.user_id, actor.user_id, now)
    if not has_paid_before(row.participant(actor.user_id)):
        check_price(workshop, row, agreed_minor, agreed_currency)
    if reserve_credit is not None and not workshop.takes_credit:
        raise NotBookable("Seats in this workshop can't be paid for with credit. Choose another way to pay.")
    await _reserve_time(session, row, actor, now, session_id=row.id)
    await _claim(session, row, actor, now, user_id=actor.user_id, freed_id=None)
    return await _join(session, workshop, row, guild, actor, workshop.price_minor, now, reserve_credit)


async def hold(session: AsyncSession, session_id: int, actor: Actor, now: datetime, expires_at: datetime) -> Hold:
    """Hold a seat, and the actor's time, until it's paid for.

    Once the hold is gone or has expired, the seat is free by itself. Raises as `take` does, and NotBookable if
    they have a seat, or have paid for one before.
    """
    _, row, guild = await _enter(session, session_id, actor, now)
    if presses.seat_of(row, actor.user_id) is not None:
        raise NotBookable("You have a seat in this workshop already. `/sessions` lists it.")
    if has_paid_before(row.participant(actor.user_id)):
        raise NotBookable(
            "You've paid for a seat in this workshop before, so you can take one without paying again."
        )
    await releases.announce_expired_seats(session, row.id, now)
    await check_can_take(session, row, guild, actor, now)
    await releases.release_holds(session, guild.id, actor.user_id, actor.user_id, now)
    expires_at = min(expires_at, row.starts_at)
    held = Hold(
        guild_id=row.guild_id,
        coach_id=row.coach_id,
        student_id=actor.user_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        purpose=HoldPurpose.PAYMENT,
        session_id=row.id,
        expires_at=expires_at,
        next_step_at=expires_at,
    )
    session.add(held)
    await session.flush()
    await _reserve_time(session, row, actor, now, hold_id=held.id)
    await _claim(session, row, actor, now, hold_id=held.id)
    await announcements.update_announcement(session, row.id, now)
    return held


async def book_held(session: AsyncSession, held: Hold, cost_minor: int, now: datetime) -> Participant:
    """Give somebody the seat that a hold keeps for them, at this price. Their row in `members` must be locked.

    If the hold has expired and its seat is taken, any free one will do. Raises WorkshopFull if there's none,
    TooLate if the workshop has started or was cancelled, Blocked, and NotBookable if they have a seat or another
    session then.
    """
    assert held.session_id is not None, "it holds a seat"
    actor = Actor(held.student_id)
    workshop, row, guild = await _enter(session, held.session_id, actor, now)
    if presses.seat_of(row, actor.user_id) is not None:
        raise NotBookable("They have a seat already.")
    check_open(row, now)
    await _check_not_closed(session, row)
    await blocks.require_unblocked(session, row.guild_id, actor.user_id, BlockedFrom.BOOKING)
    kept = update(Seat).where(Seat.hold_id == held.id).values(hold_id=None, freed_id=None, user_id=actor.user_id)
    kept = kept.returning(Seat.id).execution_options(synchronize_session=False)
    has_kept = (await session.scalars(kept)).first() is not None
    await session.execute(delete(Hold).where(Hold.id == held.id))
    await releases.release_holds(session, row.guild_id, actor.user_id, actor.user_id, now)
    await _reserve_time(session, row, actor, now, session_id=row.id)
    if not has_kept:
        await _claim(session, row, actor, now, user_id=actor.user_id, freed_id=None)
    return await _join(session, workshop, row, guild, actor, cost_minor, now)


def has_paid_before(seat: Participant | None) -> bool:
    """Whether somebody who left was charged for their seat, credit or money, and not given it back."""
    return seat is not None and seat.status is ParticipantStatus.LEFT and seat.credit_charged_at is not None


def cost_of(workshop: Workshop, user_id: int) -> int:
    """Return what a seat costs somebody, in minor units: nothing if they have paid for one before."""
    return 0 if has_paid_before(workshop.session.participant(user_id)) else workshop.price_minor


async def _enter(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime
) -> tuple[Workshop, CoachingSession, Guild]:
    """Lock the actor, then the session together with others who press."""
    await members.lock(session, actor.user_id)
    row = await presses.lock_to_press(session, session_id)
    workshop = None if row is None else await session.get(Workshop, session_id)
    if row is None or workshop is None:
        raise NotFound("There's no such workshop. `/workshop list` shows what's coming up.")
    return workshop, row, await session.get_one(Guild, row.guild_id)


def check_open(row: CoachingSession, now: datetime) -> None:
    """Raise TooLate once a workshop has started or was cancelled."""
    if row.status is SessionStatus.CANCELLED:
        raise TooLate("This workshop was cancelled. `/workshop list` shows what else is coming up.")
    if row.status is not SessionStatus.SCHEDULED or lifecycle.has_started(row, now):
        raise TooLate("This workshop has started. `/workshop list` shows what else is coming up.")


async def check_can_take(
    session: AsyncSession, row: CoachingSession, guild: Guild, actor: Actor, now: datetime
) -> None:
    """Raise as `take` does if the actor can't take a seat now, whatever it costs. Changes nothing."""
    check_open(row, now)
    await blocks.require_unblocked(session, guild.id, actor.user_id, BlockedFrom.BOOKING)
    if actor.user_id == row.coach_id:
        raise NotBookable("This is your own workshop: you're in it without a seat.")
    eligibility.check_here(await coaches.approved_coach(session, guild.id, row.coach_id))
    await _check_not_closed(session, row)
    paying = select(Hold.id).where(
        Hold.session_id == row.id, Hold.student_id == actor.user_id, Hold.expires_at > now
    )
    if await session.scalar(paying.limit(1)) is not None:
        raise NotBookable("You're already paying for a seat here. Pay for it or close it in `/sessions` first.")
    if not (await free_seats(session, [row.id], now, user_id=actor.user_id))[row.id]:
        raise _full()
    await eligibility.check_upcoming(session, guild, actor, now)


async def is_closed(session: AsyncSession, row: CoachingSession) -> bool:
    """Return whether the server is closed or the coach away then, and nobody keeps the workshop."""
    return bool(await _reasons(session, row))


async def _reasons(session: AsyncSession, row: CoachingSession) -> list[SlotRefusal]:
    if row.kept_at is not None:
        return []
    coach = await session.get_one(Coach, (row.guild_id, row.coach_id))
    found = await closed_times.closed_times_of_each(session, [coach], row.starts_at, row.ends_at)
    return [one.why for one in found[coach.user_id]]


async def _check_not_closed(session: AsyncSession, row: CoachingSession) -> None:
    reasons = await _reasons(session, row)
    if SlotRefusal.CLOSED in reasons:
        raise NotBookable("The server is closed then, and hasn't decided about this workshop. Try again later.")
    if reasons:
        raise NotBookable("The coach is away then, and hasn't decided about this workshop. Try again later.")


def _full() -> WorkshopFull:
    return WorkshopFull("Every seat is taken. `/workshop list` shows what else is coming up.")


def check_price(workshop: Workshop, row: CoachingSession, agreed_minor: int | None, currency: str | None) -> None:
    """Raise NotBookable if a seat doesn't cost what the actor was shown (None: nothing was shown)."""
    cost = workshop.price_minor
    if agreed_minor not in (None, cost) or (cost and currency not in (None, row.currency)):
        is_now = write_money(cost, row.currency)
        raise NotBookable(f"A seat costs {is_now} now. Press **Take a seat** again if that's fine with you.")


async def _reserve_time(
    session: AsyncSession, row: CoachingSession, actor: Actor, now: datetime, **owner: int
) -> None:
    period = row.starts_at, row.ends_at
    if not await reservations.reserve_participant(session, actor.user_id, *period, **owner):
        raise NotBookable("You have another session then. Cancel or reschedule it in `/sessions` first.")


async def _claim(
    session: AsyncSession, row: CoachingSession, actor: Actor, now: datetime, **owner: int | None
) -> None:
    """Take a seat that's free, or offered to the actor. Raises WorkshopFull."""
    if not await claim(session, row.id, is_free(now, user_id=actor.user_id), **owner):
        raise _full()


async def _join(
    session: AsyncSession,
    workshop: Workshop,
    row: CoachingSession,
    guild: Guild,
    actor: Actor,
    cost_minor: int,
    now: datetime,
    reserve_credit: ReserveCredit | None = None,
) -> Participant:
    """Store a participant who has a seat, with notifications and reminders."""
    seat = row.participant(actor.user_id)
    is_paid = has_paid_before(seat)
    if seat is None:
        seat = Participant(
            guild_id=row.guild_id, user_id=actor.user_id, coach_id=row.coach_id, starts_at=row.starts_at
        )
        row.participants.append(seat)
    if not is_paid:
        seat.total_cost_minor = cost_minor
        seat.booked_cost_minor = seat.credit_minutes = seat.credit_worth_minor = None
    seat.status, seat.joined_at, seat.cancelled_late = ParticipantStatus.BOOKED, now, None
    seat.late_minutes = None
    seat.credit_charged_at = seat.charge_waived_at = seat.charge_waived_by = None
    planning.plan_membership_check(seat, now)
    if reserve_credit is not None and not is_paid:
        booking.use_credit(seat)
    await session.flush()
    news = []
    if reserve_credit is not None and not is_paid:
        coach = await session.get_one(Coach, (row.guild_id, row.coach_id))
        news = await reserve_credit(session, seat, coach, now)
    news += reminders.planned_reminders(row, guild, now, only=actor.user_id)
    await outbox.enqueue_all(session, news, now)
    presses.let_in_again(row, guild, now)
    for follow in _taking:
        await follow(session, seat, now)
    presses.tell(session, seat, NotificationKind.SEAT_TAKEN, now)
    presses.record(session, seat, "seat_taken", actor, now)
    await announcements.update_announcement(session, workshop.session_id, now)
    return seat
