"""Paying for a session or a package: from the first press to the booking, whatever fails on the way.

What is asked of Stripe is stored first, with its idempotency key, so that it can be asked again after a lost
answer or a restart. Stripe is asked outside transactions, by whoever comes first: the press, the tick or the
webhook.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Coach,
    Guild,
    Hold,
    HoldPurpose,
    NotificationKind,
    Package,
    Payment,
    PaymentMode,
    PaymentPurpose,
    PaymentStatus,
    RefundReason,
)
from models.storage.database import Database
from scheduler.booking import booking, eligibility, holds
from scheduler.core import audit, members
from scheduler.core.actor import Actor
from scheduler.core.clock import Clock
from scheduler.core.errors import CoachingError, NotBookable, NotFound
from scheduler.core.retry import pause
from scheduler.credits import packages
from scheduler.notifications import outbox
from scheduler.parsing.money import price
from scheduler.payments import amounts, refunds
from scheduler.payments.ports import Checkout, CheckoutState, Stripe, StripeRefused, StripeUnavailable

PAYABLE_FOR = timedelta(minutes=32)
"""How long the page to pay is open. Stripe's least is 30 minutes, by its own clock."""
HELD_FOR = timedelta(minutes=60)
"""How long the time is held if Stripe doesn't answer."""
LEAST_NOTICE = timedelta(minutes=40)
"""How long before the start somebody can begin to pay."""
MOST_OPEN = 3
"""How many payments a student can have open in one server."""
_FIRST_CHECK = timedelta(seconds=5)
_OFTEN, _OFTEN_FOR = timedelta(seconds=10), timedelta(minutes=5)
_SELDOM = timedelta(seconds=60)
_UNDECIDED = (PaymentStatus.NEW, PaymentStatus.OPEN)


def takes_cards(guild: Guild, stripe: Stripe | None) -> bool:
    """Whether this server takes payments by card now."""
    return stripe is not None and guild.payment_mode is not PaymentMode.OFF


def requires_cards(guild: Guild, stripe: Stripe | None) -> bool:
    """Whether what costs something can only be paid by card here."""
    return stripe is not None and guild.payment_mode is PaymentMode.REQUIRED


def can_still_pay(starts_at: datetime, now: datetime) -> bool:
    """Whether there's time to pay for a session before it starts."""
    return starts_at - now >= LEAST_NOTICE


async def start_session_payment(
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
    """Hold a time until it's paid for, and store what Stripe is asked for. Call `advance` next.

    `back_to` is the address that Stripe's page leads back to. Beginning to pay for the same again returns the
    first payment. Raises as `booking.book` does, and NotBookable if it's too late to pay or too much is open.
    """
    await members.lock(session, coach_id, actor.user_id)
    if (already := await _find_open(session, guild.id, actor.user_id, coach_id, starts_at, duration)) is not None:
        return already
    if not can_still_pay(starts_at, now):
        raise NotBookable("That starts too soon to pay by card. Choose a time that's at least 40 minutes away.")
    await _check_open(session, guild.id, actor.user_id)
    held = await holds.hold(session, guild, actor, coach_id, starts_at, duration, now)
    coach = await session.get_one(Coach, (guild.id, coach_id))
    eligibility.check_price(coach, duration, agreed_minor, agreed_currency)
    eligibility.check_notes(notes or "")
    cost = price(coach.rate_minor, duration)
    if not cost:
        raise NotBookable("This session is free, so there's nothing to pay. Choose the time again to book it.")
    held.purpose, held.expires_at = HoldPurpose.PAYMENT, min(now + HELD_FOR, starts_at)
    minutes = duration // timedelta(minutes=1)
    payment = _new_payment(guild.id, actor, cost, coach.currency, livemode, now)
    payment.purpose, payment.hold_id, payment.notes = (
        PaymentPurpose.SESSION,
        held.id,
        (notes or "").strip() or None,
    )
    payment.coach_id, payment.starts_at, payment.ends_at = coach_id, starts_at, starts_at + duration
    payment.request = _request(payment, f"{minutes} minutes of coaching with {coach.display_name}", back_to)
    return await _store(session, payment, now)


async def start_package_payment(
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
    """Store what Stripe is asked for so that somebody can buy a package. Call `advance` next.

    Beginning to pay for the same again returns the first payment. Raises NotFound if it's not on sale, NotBookable
    if it has another price or is free, or too much is open.
    """
    await members.lock(session, actor.user_id)
    package = await packages.find(session, guild.id, package_id)
    if (package.price_minor, package.currency) != (agreed_minor, agreed_currency):
        raise NotBookable("The price of this package has changed. `/credits` shows what it costs now.")
    if not package.price_minor:
        raise NotBookable("This package is free. Ask an admin to give it to you.")
    open_one = select(Payment).where(
        Payment.guild_id == guild.id,
        Payment.user_id == actor.user_id,
        Payment.package_id == package_id,
        Payment.amount_minor == package.price_minor,
        Payment.currency == package.currency,
        Payment.status.in_(_UNDECIDED),
    )
    if (already := await session.scalar(open_one.limit(1))) is not None:
        return already
    await _check_open(session, guild.id, actor.user_id)
    payment = _new_payment(guild.id, actor, package.price_minor, package.currency, livemode, now)
    payment.purpose, payment.package_id = PaymentPurpose.PACKAGE, package.id
    payment.request = _request(payment, package.name, back_to)
    return await _store(session, payment, now)


def _new_payment(
    guild_id: int, actor: Actor, amount_minor: int, currency: str, livemode: bool, now: datetime
) -> Payment:
    return Payment(
        guild_id=guild_id,
        code=booking.new_code(),
        user_id=actor.user_id,
        status=PaymentStatus.NEW,
        amount_minor=amount_minor,
        currency=currency,
        livemode=livemode,
        idempotency_key=secrets.token_hex(16),
        created_at=now,
        expires_at=now + PAYABLE_FOR,
        next_check_at=now + _OFTEN,
    )


def _request(payment: Payment, what: str, back_to: str) -> dict[str, Any]:
    """Build what Stripe is asked for: https://docs.stripe.com/api/checkout/sessions/create"""
    product = {"currency": payment.currency.lower(), "product_data": {"name": what}}
    amount = amounts.to_stripe(payment.amount_minor, payment.currency)
    known_by = {"payment": payment.code}
    return {
        "mode": "payment",
        "payment_method_types": ["card"],
        "line_items": [{"quantity": 1, "price_data": product | {"unit_amount": amount}}],
        "client_reference_id": payment.code,
        "metadata": known_by,
        "payment_intent_data": {"metadata": known_by, "description": f"{what} ({payment.code})"},
        "adaptive_pricing": {"enabled": False},
        "allow_promotion_codes": False,
        "expires_at": int(payment.expires_at.timestamp()),
        "success_url": back_to,
        "cancel_url": back_to,
    }


async def _store(session: AsyncSession, payment: Payment, now: datetime) -> Payment:
    amounts.check_chargeable(payment.amount_minor, payment.currency)
    session.add(payment)
    await session.flush()
    _record(session, payment, "payment_started", now, actor_id=payment.user_id)
    return payment


async def _find_open(
    session: AsyncSession, guild_id: int, user_id: int, coach_id: int, starts_at: datetime, duration: timedelta
) -> Payment | None:
    return await session.scalar(
        select(Payment)
        .join(Hold, Hold.id == Payment.hold_id)
        .where(
            Payment.guild_id == guild_id,
            Payment.user_id == user_id,
            Payment.coach_id == coach_id,
            Payment.starts_at == starts_at,
            Payment.ends_at == starts_at + duration,
            Payment.status.in_(_UNDECIDED),
        )
        .limit(1)
    )


async def _check_open(session: AsyncSession, guild_id: int, user_id: int) -> None:
    theirs = Payment.guild_id == guild_id, Payment.user_id == user_id, Payment.status.in_(_UNDECIDED)
    count = await session.scalar(select(func.count()).where(*theirs)) or 0
    if count >= MOST_OPEN:
        raise NotBookable(
            f"You have {count} open payments, the most allowed. Pay or close one in `/sessions` first."
        )


async def find(session: AsyncSession, payment_id: int, actor: Actor, *, lock: bool = False) -> Payment:
    """Return a payment to whoever makes it. Raises NotFound to everyone else."""
    found = await session.get(Payment, payment_id, with_for_update=lock, populate_existing=lock)
    if found is None or found.user_id != actor.user_id:
        raise NotFound("You have no such payment. `/sessions` lists what's open.")
    return found


async def advance(db: Database, stripe: Stripe, payment_id: int, clock: Clock) -> Payment:
    """Ask Stripe how far a payment is, and record what follows. Returns the payment as it is then.

    A failure is recorded on it, and it's asked again later.
    """
    async with db.read() as session:
        payment = await session.get_one(Payment, payment_id)
    if payment.status not in _UNDECIDED or payment.livemode is not stripe.livemode:
        return payment
    try:
        if payment.checkout_id is None:
            checkout = await stripe.create_checkout(payment.request, payment.idempotency_key)
        else:
            checkout = await stripe.fetch_checkout(payment.checkout_id)
    except StripeUnavailable as failure:
        return await _record_failure(db, payment_id, str(failure), clock())
    except StripeRefused as refusal:
        if payment.checkout_id is not None:
            return await _record_failure(db, payment_id, str(refusal), clock())
        return await _close(db, payment_id, PaymentStatus.REFUSED, str(refusal), clock())
    return await record(db, payment_id, checkout, clock())


async def give_up(db: Database, stripe: Stripe, payment_id: int, clock: Clock) -> Payment:
    """Close a payment's page, because whoever pays doesn't want to. If they have paid, it's booked instead.

    Raises StripeUnavailable if Stripe doesn't answer; nothing is changed then.
    """
    async with db.read() as session:
        payment = await session.get_one(Payment, payment_id)
    if payment.status not in _UNDECIDED:
        return payment
    if payment.checkout_id is None:
        payment = await advance(db, stripe, payment_id, clock)  # it may exist: only Stripe knows
        if payment.checkout_id is None or payment.status is not PaymentStatus.OPEN:
            return payment
    assert payment.checkout_id is not None
    try:
        checkout = await stripe.expire_checkout(payment.checkout_id)
    except StripeRefused:
        checkout = await stripe.fetch_checkout(payment.checkout_id)
    return await record(db, payment_id, checkout, clock(), told=False)


async def record(
    db: Database, payment_id: int, checkout: Checkout, now: datetime, *, told: bool = True
) -> Payment:
    """Record what Stripe says of a payment, and book or release what it's for. Safe to call any number of times.

    Unless `told`, nobody is told that it expired, since they closed it themselves.
    """
    async with db.begin() as session:
        payment = await _lock(session, payment_id)
        if payment.status not in _UNDECIDED:
            return payment
        payment.attempts, payment.last_error = 0, None
        payment.checkout_id, payment.url = checkout.id, checkout.url or payment.url
        payment.status, payment.expires_at = PaymentStatus.OPEN, checkout.expires_at
        if (wrong := _mismatch(payment, checkout)) is not None:
            payment.status, payment.last_error = PaymentStatus.REFUSED, wrong
            await _end(session, payment, now)
        elif checkout.state is CheckoutState.COMPLETE and checkout.is_paid:
            payment.payment_intent_id, payment.receipt_url = checkout.payment_intent_id, checkout.receipt_url
            await _deliver(session, payment, now)
        elif checkout.state is CheckoutState.EXPIRED:
            payment.status = PaymentStatus.EXPIRED
            await _end(session, payment, now)
            if told:
                _tell(session, payment, NotificationKind.PAYMENT_EXPIRED, now)
        else:
            payment.next_check_at = _next_check(payment, now)
        return payment


def _mismatch(payment: Payment, checkout: Checkout) -> str | None:
    """Say what Stripe has otherwise than it was asked for. Then nothing is booked, and admins have to look."""
    asked = amounts.to_stripe(payment.amount_minor, payment.currency), payment.currency, payment.livemode
    has = checkout.amount, checkout.currency, checkout.livemode
    return None if asked == has else f"Stripe has {has} instead of {asked}"


def _next_check(payment: Payment, now: datetime) -> datetime:
    if payment.created_at == now:
        return now + _FIRST_CHECK
    return now + (_OFTEN if now < payment.created_at + _OFTEN_FOR else _SELDOM)


async def _deliver(session: AsyncSession, payment: Payment, now: datetime) -> None:
    """Book the session or give the package that was paid for. What can't be had any more is paid back."""
    payment.status, payment.paid_at, payment.closed_at, payment.next_check_at = PaymentStatus.PAID, now, now, None
    guild = await session.get_one(Guild, payment.guild_id)
    _record(session, payment, "payment_received", now)
    if payment.purpose is PaymentPurpose.PACKAGE:
        package = await session.get_one(Package, payment.package_id)
        lot = await packages.give(session, guild, package, payment.user_id, now)
        payment.lot_id = lot.id
        return
    held = await session.get(Hold, payment.hold_id, with_for_update=True) if payment.hold_id else None
    if held is not None and held.starts_at > now:
        try:
            async with session.begin_nested():
                cost = payment.amount_minor, payment.currency
                booked = await booking.book_held(session, guild, held, payment.notes, *cost, now)
        except CoachingError as refused:
            payment.last_error = str(refused)
        else:
            payment.session_id, payment.hold_id = booked.id, None
            return
    await _release(session, payment)
    refunds.owe(session, payment, RefundReason.LOST, now)
    for user_id in (payment.user_id, payment.coach_id):
        _tell(session, payment, NotificationKind.PAYMENT_TOO_LATE, now, user_id=user_id)


async def _end(session: AsyncSession, payment: Payment, now: datetime) -> None:
    payment.closed_at, payment.next_check_at = now, None
    await _release(session, payment)
    _record(session, payment, f"payment_{payment.status}", now)


async def _release(session: AsyncSession, payment: Payment) -> None:
    if payment.hold_id is not None:
        await session.execute(delete(Hold).where(Hold.id == payment.hold_id))
        payment.hold_id = None


async def _close(db: Database, payment_id: int, status: PaymentStatus, why: str, now: datetime) -> Payment:
    async with db.begin() as session:
        payment = await _lock(session, payment_id)
        if payment.status in _UNDECIDED:
            payment.status, payment.last_error = status, why
            await _end(session, payment, now)
            _tell(session, payment, NotificationKind.PAYMENT_EXPIRED, now)
        return payment


async def _record_failure(db: Database, payment_id: int, why: str, now: datetime) -> Payment:
    """Ask again later. A page whose address nobody knows closes unpaid at its time."""
    async with db.begin() as session:
        payment = await _lock(session, payment_id)
        if payment.status not in _UNDECIDED:
            return payment
        payment.attempts, payment.last_error = payment.attempts + 1, why
        payment.next_check_at = now + max(_OFTEN, pause(payment.attempts, payment.id, longest=_SELDOM))
        if payment.checkout_id is None and now >= payment.expires_at:
            payment.status = PaymentStatus.EXPIRED
            await _end(session, payment, now)
            _tell(session, payment, NotificationKind.PAYMENT_EXPIRED, now)
        return payment


async def _lock(session: AsyncSession, payment_id: int) -> Payment:
    """Lock the people, then the payment, as everywhere."""
    seen = await session.get_one(Payment, payment_id)
    await members.lock(session, *(one for one in (seen.coach_id, seen.user_id) if one is not None))
    return await session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)


def _tell(
    session: AsyncSession, payment: Payment, kind: NotificationKind, now: datetime, user_id: int | None = None
) -> None:
    user_id = user_id or payment.user_id
    outbox.enqueue(
        session, kind, payment.guild_id, now=now, user_id=user_id, coach_id=payment.coach_id, payment_id=payment.id
    )


def _record(
    session: AsyncSession, payment: Payment, action: str, now: datetime, *, actor_id: int | None = None
) -> None:
    details = {"payment": payment.code, "amount_minor": payment.amount_minor, "currency": payment.currency}
    audit.record(
        session,
        payment.guild_id,
        action,
        at=now,
        actor_id=actor_id,
        coach_id=payment.coach_id,
        member_id=payment.user_id,
        session_id=payment.session_id,
        details=details,
    )
