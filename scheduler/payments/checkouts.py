"""Paying for a session or a package: from the first press to the booking, whatever fails on the way.

What is asked of Stripe is stored first, with its idempotency key, so that it can be asked again after a lost
answer or a restart. Stripe is asked outside transactions, by whoever comes first: the press, the tick or the
webhook.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    UNDECIDED,
    Guild,
    Hold,
    NotificationKind,
    Package,
    Payment,
    PaymentPurpose,
    PaymentStatus,
    RefundReason,
)
from models.storage.database import Database
from scheduler.booking import booking
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.clock import Clock
from scheduler.core.errors import CoachingError, NotFound
from scheduler.core.retry import pause
from scheduler.credits import packages
from scheduler.notifications import outbox
from scheduler.payments import amounts, records, refunds
from scheduler.payments.ports import Checkout, CheckoutState, Stripe, StripeRefused, StripeUnavailable

_FIRST_CHECK = timedelta(seconds=5)
_OFTEN, _OFTEN_FOR = timedelta(seconds=10), timedelta(minutes=5)
_SELDOM = timedelta(seconds=60)


async def find(session: AsyncSession, payment_id: int, actor: Actor, *, lock: bool = False) -> Payment:
    """Return a payment to whoever makes it. Raises NotFound to everyone else."""
    found = await session.get(Payment, payment_id, with_for_update=lock, populate_existing=lock)
    if found is None or found.user_id != actor.user_id:
        raise NotFound("You have no such payment. `/sessions` lists what's open.")
    return found


async def advance(db: Database, stripe: Stripe, payment_id: int, clock: Clock, *, unseen: bool = False) -> Payment:
    """Ask Stripe how far a payment is, and record what follows. Returns the payment as it is then.

    A failure is recorded on it, and it's asked again later. If nobody is looking (`unseen`), whoever pays is sent
    the address of a page that opens only now.
    """
    async with db.read() as session:
        payment = await session.get_one(Payment, payment_id)
    if payment.status not in UNDECIDED or payment.livemode is not stripe.livemode:
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
    recorded = await record(db, payment_id, checkout, clock())
    if unseen and payment.status is PaymentStatus.NEW and recorded.status is PaymentStatus.OPEN:
        async with db.begin() as session:
            _tell(session, recorded, NotificationKind.PAYMENT_OPEN, clock())
    return recorded


async def give_up(db: Database, stripe: Stripe, payment_id: int, clock: Clock) -> Payment:
    """Close a payment's page, because whoever pays doesn't want to. If they have paid, it's booked instead.

    Raises StripeUnavailable if Stripe doesn't answer; nothing is changed then.
    """
    async with db.read() as session:
        payment = await session.get_one(Payment, payment_id)
    if payment.status not in UNDECIDED:
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
        if payment.status not in UNDECIDED:
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
    records.record(session, payment, "payment_received", now)
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
    records.record(session, payment, f"payment_{payment.status}", now)


async def _release(session: AsyncSession, payment: Payment) -> None:
    if payment.hold_id is not None:
        await session.execute(delete(Hold).where(Hold.id == payment.hold_id))
        payment.hold_id = None


async def _close(db: Database, payment_id: int, status: PaymentStatus, why: str, now: datetime) -> Payment:
    async with db.begin() as session:
        payment = await _lock(session, payment_id)
        if payment.status in UNDECIDED:
            payment.status, payment.last_error = status, why
            await _end(session, payment, now)
            _tell(session, payment, NotificationKind.PAYMENT_EXPIRED, now)
        return payment


async def _record_failure(db: Database, payment_id: int, why: str, now: datetime) -> Payment:
    """Ask again later. A page whose address nobody knows closes unpaid at its time."""
    async with db.begin() as session:
        payment = await _lock(session, payment_id)
        if payment.status not in UNDECIDED:
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
