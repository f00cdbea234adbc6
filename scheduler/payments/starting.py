"""Beginning to pay: what is held, and what Stripe is asked for, stored before it's asked."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import UNDECIDED, BlockedFrom, Coach, Guild, Hold, HoldPurpose, Payment, PaymentPurpose
from scheduler.availability import reader_zone
from scheduler.booking import blocks, eligibility, holds
from scheduler.core import coaches, members
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotBookable
from scheduler.credits import lessons, packages
from scheduler.parsing.money import price
from scheduler.payments import records, ways
from scheduler.waiting_list import answers, offers, seat_answers
from scheduler.workshops import seats, workshops

HELD_FOR = timedelta(minutes=60)
"""How long the time is held if Stripe doesn't answer."""
MOST_OPEN = 3
"""How many payments a student can have open in one server."""


async def for_session(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    coach_id: int,
    starts_at: datetime,
    duration: timedelta,
    notes: str | None,
    now: datetime,
    *,
    livemode: bool,
    agreed_minor: int,
    agreed_currency: str,
    back_to: str,
) -> Payment:
    """Hold a time until it's paid for, and store what Stripe is asked for. Call `checkouts.advance` next.

    `back_to` is the address that Stripe's page leads back to. Beginning to pay for the same again returns the
    first payment. Raises as `booking.book` does, and NotBookable if it's too late to pay or too much is open.
    """
    await members.lock(session, coach_id, actor.user_id)
    open_one = _is_open(guild.id, actor.user_id, livemode=livemode)
    if (already := await _find_open(session, open_one, coach_id, starts_at, duration)) is not None:
        return already
    if not ways.can_still_pay(starts_at, now):
        raise NotBookable("That starts too soon to pay by card. Choose a time that's at least 40 minutes away.")
    await _check_open(session, open_one, now)
    held = await holds.hold(session, guild, actor, coach_id, starts_at, duration, now)
    coach = await session.get_one(Coach, (guild.id, coach_id))
    eligibility.check_price(coach, duration, agreed_minor, agreed_currency)
    eligibility.check_notes(notes or "")
    cost = price(coach.rate_minor, duration)
    if not cost:
        raise NotBookable("This session is free, so there's nothing to pay. Choose the time again to book it.")
    held.purpose, held.expires_at = HoldPurpose.PAYMENT, min(now + HELD_FOR, starts_at)
    held.next_step_at = held.expires_at
    payment = records.new_payment(guild.id, actor, cost, coach.currency, livemode, now)
    payment.notes = (notes or "").strip() or None
    return await _store_for_hold(session, guild, payment, held, coach, back_to, now)


async def _store_for_hold(
    session: AsyncSession,
    guild: Guild,
    payment: Payment,
    held: Hold,
    coach: Coach,
    back_to: str,
    now: datetime,
    *,
    what: str = "",
) -> Payment:
    duration = held.ends_at - held.starts_at
    minutes = duration // timedelta(minutes=1)
    what = what or f"{minutes} minutes of coaching with {coach.display_name}"
    payment.purpose = PaymentPurpose.SESSION if held.session_id is None else PaymentPurpose.SEAT
    payment.hold_id = held.id
    payment.coach_id, payment.starts_at, payment.ends_at = coach.user_id, held.starts_at, held.ends_at
    zone_name = await reader_zone.zone_name_of(session, payment.user_id, guild.time_zone)
    payment.request = records.request(
        payment, what, back_to, details=records.write_when(held.starts_at, duration, zone_name)
    )
    return await records.store(session, payment, now)


async def for_offer(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    offer_id: int,
    now: datetime,
    *,
    livemode: bool,
    back_to: str,
) -> Payment:
    """Begin to pay for an offer of the waiting list, as `for_session` does, at the price that was told.

    Not paying counts as passing it on. Raises as `answers.take` does, and NotBookable as `for_session` does.
    """
    offer = await offers.find(session, offer_id, actor)
    await members.lock(session, offer.coach_id, actor.user_id)
    open_one = _is_open(guild.id, actor.user_id, livemode=livemode)
    what = offer.coach_id, offer.starts_at, offer.ends_at - offer.starts_at
    if (already := await _find_open(session, open_one, *what)) is not None:
        return already
    offer = await offers.lock_open(session, offer_id, actor, now)
    if offer.session_id is not None:
        price_told = {"agreed_minor": offer.cost_minor, "agreed_currency": offer.currency}
        return await for_seat(
            session, guild, actor, offer.session_id, now, livemode=livemode, **price_told, back_to=back_to
        )
    if not ways.can_still_pay(offer.starts_at, now):
        raise NotBookable("That starts too soon to pay by card. Choose a time that's at least 40 minutes away.")
    if offer.is_shared:  # nothing is held yet
        price_told = {"agreed_minor": offer.cost_minor, "agreed_currency": offer.currency}
        payment = await for_session(
            session, guild, actor, *what, None, now, livemode=livemode, **price_told, back_to=back_to
        )
        assert payment.hold_id is not None, "it was just held"
        offers.mark_paying(offer, payment.hold_id)
        return payment
    await _check_open(session, open_one, now)
    await answers.check_takeable(session, guild, offer, actor, now)
    coach = await coaches.approved_coach(session, guild.id, offer.coach_id)
    eligibility.check_here(coach)
    held = await answers.begin_to_pay(session, offer, min(now + HELD_FOR, offer.starts_at))
    payment = records.new_payment(guild.id, actor, offer.cost_minor, offer.currency, livemode, now)
    return await _store_for_hold(session, guild, payment, held, coach, back_to, now)


async def for_seat(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    session_id: int,
    now: datetime,
    *,
    livemode: bool,
    agreed_minor: int,
    agreed_currency: str,
    back_to: str,
) -> Payment:
    """Hold a seat in a workshop until it's paid for, as `for_session` does with a time.

    If it isn't paid, the seat is free again, or the next person's if it had been offered to them. Raises as
    `seats.hold` does, and NotBookable as `for_session` does.
    """
    workshop = await workshops.find(session, session_id, guild.id)
    row = workshop.session
    await members.lock(session, actor.user_id)
    open_one = _is_open(guild.id, actor.user_id, livemode=livemode)
    if (already := await _find_open(session, open_one, row.coach_id, row.starts_at, row.duration)) is not None:
        return already
    if not ways.can_still_pay(row.starts_at, now):
        raise NotBookable("This workshop starts too soon to pay by card: that takes up to 40 minutes.")
    await _check_open(session, open_one, now)
    seats.check_price(workshop, row, agreed_minor, agreed_currency)
    if not workshop.price_minor:
        raise NotBookable("Seats in this workshop are free. Press **Take a seat** again.")
    held = await seats.hold(session, session_id, actor, now, now + HELD_FOR)
    await seat_answers.begin_to_pay(session, held)
    coach = await session.get_one(Coach, (guild.id, row.coach_id))
    payment = records.new_payment(guild.id, actor, workshop.price_minor, row.currency, livemode, now)
    what = f"A seat in “{workshop.title}” with {coach.display_name}"
    return await _store_for_hold(session, guild, payment, held, coach, back_to, now, what=what)


async def for_lesson(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    session_id: int,
    now: datetime,
    *,
    livemode: bool,
    agreed_minor: int,
    agreed_currency: str,
    back_to: str,
) -> Payment:
    """Begin to pay for one of weekly lessons, which is booked already, as `for_session` does for a time.

    Raises NotFound for what isn't the actor's lesson, AlreadyDecided if there's nothing to pay for it any more,
    and NotBookable as `for_session` does.
    """
    row = await lessons.find_own(session, session_id, actor)
    await members.lock(session, row.coach_id, actor.user_id)
    row = await lessons.find_own(session, session_id, actor, lock=True)
    open_one = _is_open(guild.id, actor.user_id, livemode=livemode)
    same = select(Payment).where(open_one, Payment.session_id == row.id)
    if (already := await session.scalar(same.limit(1))) is not None:
        return already
    if not await lessons.takes_payment(session, row, now):
        raise AlreadyDecided("There's nothing to pay for this lesson any more. `/sessions` shows how it stands.")
    if not ways.can_still_pay(row.starts_at, now):
        raise NotBookable("This lesson starts too soon to pay by card: that takes up to 40 minutes.")
    await _check_open(session, open_one, now)
    if (row.student.total_cost_minor, row.currency) != (agreed_minor, agreed_currency):
        raise NotBookable("The price of this lesson has changed. `/sessions` shows what it costs now.")
    coach = await session.get_one(Coach, (guild.id, row.coach_id))
    payment = records.new_payment(guild.id, actor, agreed_minor, row.currency, livemode, now)
    payment.purpose, payment.session_id = PaymentPurpose.LESSON, row.id
    payment.coach_id, payment.starts_at, payment.ends_at = row.coach_id, row.starts_at, row.ends_at
    zone_name = await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone)
    when = records.write_when(row.starts_at, row.duration, zone_name)
    payment.request = records.request(payment, f"A lesson with {coach.display_name}", back_to, details=when)
    return await records.store(session, payment, now)


async def for_package(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    package_id: int,
    now: datetime,
    *,
    livemode: bool,
    agreed_minor: int,
    agreed_currency: str,
    back_to: str,
) -> Payment:
    """Store what Stripe is asked for so that somebody can buy a package. Call `checkouts.advance` next.

    Beginning to pay for the same again returns the first payment. Raises NotFound if it's not on sale, NotBookable
    if it has another price or is free, or too much is open.
    """
    await members.lock(session, actor.user_id)
    await blocks.require_unblocked(session, guild.id, actor.user_id, BlockedFrom.BOOKING)
    package = await packages.find(session, guild.id, package_id)
    if (package.price_minor, package.currency) != (agreed_minor, agreed_currency):
        raise NotBookable("The price of this package has changed. `/credits` shows what it costs now.")
    if not package.price_minor:
        raise NotBookable("This package is free. Ask an admin to give it to you.")
    open_one = _is_open(guild.id, actor.user_id, livemode=livemode)
    same = select(Payment).where(
        open_one,
        Payment.package_id == package_id,
        Payment.amount_minor == package.price_minor,
        Payment.currency == package.currency,
    )
    if (already := await session.scalar(same.limit(1))) is not None:
        return already
    await _check_open(session, open_one, now)
    payment = records.new_payment(guild.id, actor, package.price_minor, package.currency, livemode, now)
    payment.purpose, payment.package_id = PaymentPurpose.PACKAGE, package.id
    details = f"{package.minutes} minutes of credit"
    payment.request = records.request(payment, package.name, back_to, details=details)
    return await records.store(session, payment, now)


def _is_open(guild_id: int, user_id: int, *, livemode: bool) -> ColumnElement[bool]:
    """Whether it's undecided, and Stripe can still be asked about it: a key knows nothing of the other mode."""
    return and_(
        Payment.guild_id == guild_id,
        Payment.user_id == user_id,
        Payment.livemode == livemode,
        Payment.status.in_(UNDECIDED),
    )


async def _find_open(
    session: AsyncSession,
    open_one: ColumnElement[bool],
    coach_id: int,
    starts_at: datetime,
    duration: timedelta,
) -> Payment | None:
    return await session.scalar(
        select(Payment)
        .join(Hold, Hold.id == Payment.hold_id)
        .where(
            open_one,
            Payment.coach_id == coach_id,
            Payment.starts_at == starts_at,
            Payment.ends_at == starts_at + duration,
        )
        .limit(1)
    )


async def _check_open(session: AsyncSession, open_one: ColumnElement[bool], now: datetime) -> None:
    """Raise NotBookable if that's enough. What Stripe doesn't answer about holds no time after a while."""
    lately = Payment.created_at > now - HELD_FOR
    count = await session.scalar(select(func.count()).select_from(Payment).where(open_one, lately)) or 0
    if count >= MOST_OPEN:
        raise NotBookable(
            f"You have {count} open payments, the most allowed. Pay or close one in `/sessions` first."
        )
