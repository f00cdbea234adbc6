"""Paying for a session or a package: from the first press to the booking, whatever fails on the way.

What is asked of Stripe is stored first, with its idempotency key, so that it can be asked again after a lost
answer or a restart. Stripe is asked outside transactions, by whoever comes first: the press, the tick or the
webhook.
"""

import contextlib
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    UNDECIDED,
    BlockedFrom,
    CoachingSession,
    Guild,
    Hold,
    NotificationKind,
    Package,
    Payment,
    PaymentPurpose,
    PaymentStatus,
    RefundReason,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import blocks, booking, releases
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.clock import Clock
from scheduler.core.errors import CoachingError, NotFound
from scheduler.core.retry import pause
from scheduler.credits import lessons, packages
from scheduler.notifications import outbox
from scheduler.parsing import card_amounts
from scheduler.payments import alerts, records, refunds
from scheduler.payments.ports import (
    Checkout,
    CheckoutState,
    Stripe,
    StripeFailure,
    StripeRefused,
    StripeUnavailable,
)
from scheduler.waiting_list import answers
from scheduler.workshops import seats

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

    If what it's for can't be had any more, its page is closed, so that nobody pays for nothing. A failure is
    recorded on it, and it's asked again later. If nobody is looking (`unseen`), whoever pays is sent the address
    of a page that opens only now.
    """
    async with db.read() as session:
        payment = await session.get_one(Payment, payment_id)
        is_lost = await _is_lost(session, payment)
    if payment.status not in UNDECIDED or payment.livemode is not stripe.livemode:
        return payment
    try:
        if is_lost:  # so nobody may pay for it
            return await give_up(db, stripe, payment_id, clock, told=True)
        if payment.checkout_id is None:
            checkout = await stripe.create_checkout(payment.request, payment.idempotency_key)
        else:
            checkout = await stripe.fetch_checkout(payment.checkout_id)
    except StripeUnavailable as failure:
        return await record_failure(db, payment_id, str(failure), clock())
    except StripeRefused as refusal:
        if payment.checkout_id is not None:
            return await record_failure(db, payment_id, str(refusal), clock())
        return await _close_unknown(db, payment_id, PaymentStatus.REFUSED, clock(), why=str(refusal))
    recorded = await record(db, payment_id, checkout, clock(), unseen=unseen)
    if recorded.status is PaymentStatus.REFUSED and checkout.state is CheckoutState.OPEN:
        with contextlib.suppress(StripeFailure):  # nobody knows its address, and it closes by itself
            await stripe.expire_checkout(checkout.id)
    return recorded


async def give_up(db: Database, stripe: Stripe, payment_id: int, clock: Clock, *, told: bool = False) -> Payment:
    """Close a payment's page, because whoever pays doesn't want to. If they have paid, it's booked instead.

    A page whose address isn't known yet can't be paid, so it's closed without asking. Unless `told`, nobody is
    told that it's closed, since they did it themselves. Raises StripeUnavailable if Stripe doesn't answer, or
    knows nothing of the page; nothing is changed then.
    """
    payment = await _close_unknown(db, payment_id, PaymentStatus.EXPIRED, clock(), told=told)
    if payment.status not in UNDECIDED:
        return payment
    if payment.livemode is not stripe.livemode:
        raise StripeUnavailable("this payment was begun with a key of the other mode")
    assert payment.checkout_id is not None, "otherwise it's closed"
    try:
        checkout = await stripe.expire_checkout(payment.checkout_id)
    except StripeRefused:
        try:
            checkout = await stripe.fetch_checkout(payment.checkout_id)
        except StripeRefused as refusal:
            raise StripeUnavailable(str(refusal)) from None
    return await record(db, payment_id, checkout, clock(), told=told)


async def record(
    db: Database,
    payment_id: int,
    checkout: Checkout,
    now: datetime,
    *,
    told: bool = True,
    unseen: bool = False,
) -> Payment:
    """Record what Stripe says of a payment, and book or release what it's for. Safe to call any number of times.

    Unless `told`, nobody is told that it expired, since they closed it themselves. If nobody is looking
    (`unseen`), whoever pays is sent the address of a page that opens only now.
    """
    async with db.begin() as session:
        payment = await _lock(session, payment_id)
        if payment.status not in UNDECIDED:
            return payment
        is_new = payment.checkout_id is None
        payment.attempts, payment.last_error = 0, None
        payment.checkout_id, payment.url = checkout.id, checkout.url or payment.url
        payment.status, payment.expires_at = PaymentStatus.OPEN, checkout.expires_at
        if (wrong := _mismatch(payment, checkout)) is not None:
            payment.status, payment.last_error, payment.url = PaymentStatus.REFUSED, wrong, None
            payment.payment_intent_id = checkout.payment_intent_id
            await _end(session, payment, now)
            if not checkout.is_paid:
                _tell(session, payment, NotificationKind.PAYMENT_EXPIRED, now)
            await alerts.mismatch(session, payment, wrong, now, is_paid=checkout.is_paid)
        elif checkout.state is CheckoutState.COMPLETE and checkout.is_paid:
            payment.payment_intent_id, payment.receipt_url = checkout.payment_intent_id, checkout.receipt_url
            await _deliver(session, payment, checkout.paid_at or now, now)
        elif checkout.state is CheckoutState.EXPIRED:
            payment.status = PaymentStatus.EXPIRED
            await _end(session, payment, now)
            if told:
                _tell(session, payment, NotificationKind.PAYMENT_EXPIRED, now)
        else:
            payment.next_check_at = _next_check(payment, now)
            if unseen and is_new:
                _tell(session, payment, NotificationKind.PAYMENT_OPEN, now)
        return payment


def _mismatch(payment: Payment, checkout: Checkout) -> str | None:
    """Say what Stripe has otherwise than it was asked for. Then nothing is booked, and admins have to look."""
    asked = card_amounts.to_stripe(payment.amount_minor, payment.currency), payment.currency, payment.livemode
    has = checkout.amount, checkout.currency, checkout.livemode
    return None if asked == has else f"Stripe has {_in_units(*has)} instead of {_in_units(*asked)}"


def _in_units(amount: int, currency: str, livemode: bool) -> str:
    return f"{amount} {currency}{'' if livemode else ' of test money'} (in Stripe's smallest unit)"


def _next_check(payment: Payment, now: datetime) -> datetime:
    age = now - payment.created_at
    if age < _FIRST_CHECK:
        return now + _FIRST_CHECK
    return now + (_OFTEN if age < _OFTEN_FOR else _SELDOM)


async def _deliver(session: AsyncSession, payment: Payment, paid_at: datetime, now: datetime) -> None:
    """Book the session or give the package that was paid for. What can't be had any more is paid back."""
    payment.status, payment.paid_at = PaymentStatus.PAID, paid_at
    payment.closed_at, payment.next_check_at = now, None
    records.record(session, payment, "payment_received", now)
    if not await _is_lost(session, payment):
        ways = {
            PaymentPurpose.PACKAGE: _give_package,
            PaymentPurpose.SEAT: _give_seat,
            PaymentPurpose.LESSON: _keep_lesson,
        }
        give = ways.get(payment.purpose, _book)
        if await give(session, await session.get_one(Guild, payment.guild_id), payment, now):
            return
    payment.session_id = None  # the lesson that it was for stays unpaid
    await _release(session, payment, now)
    refunds.owe(session, payment, RefundReason.LOST, now)
    for user_id in filter(None, (payment.user_id, payment.coach_id)):
        _tell(session, payment, NotificationKind.PAYMENT_TOO_LATE, now, user_id=user_id)


async def _is_lost(session: AsyncSession, payment: Payment) -> bool:
    """Whether what a payment is for can't be had any more, however it's paid."""
    guild = await session.get_one(Guild, payment.guild_id)
    if guild.bot_removed_at is not None:
        return True
    if payment.purpose is PaymentPurpose.SESSION:
        return payment.hold_id is None
    if payment.purpose is PaymentPurpose.LESSON:
        lesson = await session.get_one(CoachingSession, payment.session_id)
        return not await lessons.takes_payment(session, lesson, payment.created_at, besides=payment.id)
    if payment.purpose is PaymentPurpose.SEAT:
        return payment.hold_id is None or not await _takes_place(session, payment.hold_id)
    return await blocks.find(session, guild.id, payment.user_id, BlockedFrom.BOOKING) is not None


async def _takes_place(session: AsyncSession, hold_id: int) -> bool:
    """Whether the workshop in which a seat is held wasn't cancelled. Its holds stay then, until this is asked."""
    statuses = select(CoachingSession.status).join(Hold, Hold.session_id == CoachingSession.id)
    return await session.scalar(statuses.where(Hold.id == hold_id)) is SessionStatus.SCHEDULED


async def _give_seat(session: AsyncSession, _guild: Guild, payment: Payment, now: datetime) -> bool:
    """Give the seat that was held, unless the workshop has begun or was cancelled."""
    held = await session.get_one(Hold, payment.hold_id, with_for_update=True)
    session_id = held.session_id
    try:
        async with session.begin_nested():
            await seats.book_held(session, held, payment.amount_minor, now)
    except CoachingError as refused:
        payment.last_error = str(refused)
        return False
    payment.session_id, payment.hold_id = session_id, None
    return True


async def _keep_lesson(session: AsyncSession, _guild: Guild, payment: Payment, now: datetime) -> bool:
    """Let a lesson take place, now that it's paid, unless it has begun, was cancelled or was paid before."""
    row = await session.get_one(CoachingSession, payment.session_id, with_for_update=True, populate_existing=True)
    if not await lessons.takes_payment(session, row, now, besides=payment.id):
        return False
    row.updated_at = now
    await outbox.requeue_direct(session, row.id, now)
    return True


async def _give_package(session: AsyncSession, guild: Guild, payment: Payment, now: datetime) -> bool:
    package = await session.get_one(Package, payment.package_id)
    lot = await packages.give(session, guild, package, payment.user_id, now)
    lot.paid_minor, lot.currency = payment.amount_minor, payment.currency
    payment.lot_id = lot.id
    return True


async def _book(session: AsyncSession, guild: Guild, payment: Payment, now: datetime) -> bool:
    """Book what was held, unless it has begun or can't be booked any more."""
    held = await session.get_one(Hold, payment.hold_id, with_for_update=True)
    if held.starts_at <= now:
        return False
    try:
        async with session.begin_nested():
            cost = payment.amount_minor, payment.currency
            booked = await booking.book_held(session, guild, held, payment.notes, *cost, now)
    except CoachingError as refused:
        payment.last_error = str(refused)
        return False
    if (offer := await answers.find_paying(session, payment)) is not None:
        await answers.settle_payment(session, offer, booked, now)
    payment.session_id, payment.hold_id = booked.id, None
    return True


async def _end(session: AsyncSession, payment: Payment, now: datetime) -> None:
    payment.closed_at, payment.next_check_at = now, None
    await _release(session, payment, now)
    records.record(session, payment, f"payment_{payment.status}", now)


async def _release(session: AsyncSession, payment: Payment, now: datetime) -> None:
    if (offer := await answers.find_paying(session, payment)) is not None:
        await answers.settle_payment(session, offer, None, now)
    if payment.hold_id is not None:
        await releases.release(session, payment.hold_id, now)
        payment.hold_id = None


async def _close_unknown(
    db: Database,
    payment_id: int,
    status: PaymentStatus,
    now: datetime,
    *,
    why: str | None = None,
    told: bool = True,
) -> Payment:
    """Close a payment whose page's address isn't known, so that nobody can have paid there. Others stay."""
    async with db.begin() as session:
        payment = await _lock(session, payment_id)
        if payment.status in UNDECIDED and payment.checkout_id is None:
            payment.status, payment.last_error = status, why
            await _end(session, payment, now)
            if told:
                _tell(session, payment, NotificationKind.PAYMENT_EXPIRED, now)
        return payment


async def record_failure(db: Database, payment_id: int, why: str, now: datetime) -> Payment:
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
