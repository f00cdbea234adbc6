"""Money that is owed back: a row from the moment it's owed, until Stripe has paid it."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Coach,
    CoachingSession,
    CreditLot,
    NotificationKind,
    Participant,
    ParticipantStatus,
    Payment,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
)
from models.storage.database import Database
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.clock import Clock
from scheduler.core.errors import AlreadyDecided, NotFound
from scheduler.core.retry import pause
from scheduler.credits import ledger
from scheduler.credits.charges import Charge, charge_of
from scheduler.notifications import outbox
from scheduler.parsing import card_amounts
from scheduler.parsing.money import minutes_for
from scheduler.payments import alerts
from scheduler.payments.ports import (
    RefundMade,
    RefundState,
    Stripe,
    StripeFailure,
    StripeRefused,
    StripeUnavailable,
)

_KEY_LASTS = timedelta(hours=23)
"""For how long Stripe remembers an idempotency key, at least: https://docs.stripe.com/api/idempotent_requests"""
_LONGEST_PAUSE = timedelta(hours=1)
CHOICE_FOR = timedelta(hours=24)
"""How long a student can keep the money as credit if it's not they who cancelled. Banks take days anyway."""


def owe(
    session: AsyncSession,
    payment: Payment,
    reason: RefundReason,
    now: datetime,
    *,
    by: Actor | None = None,
    after: timedelta = timedelta(0),
    credit_minutes: int | None = None,
) -> Refund:
    """Owe somebody all they have paid, from now on or `after` some time. Call it once, with the payment locked.

    They can keep a seat as `credit_minutes`.
    """
    refund = Refund(
        payment_id=payment.id,
        amount_minor=payment.amount_minor,
        reason=reason,
        status=RefundStatus.OWED,
        idempotency_key=secrets.token_hex(16),
        created_at=now,
        created_by=by.user_id if by else None,
        credit_minutes=credit_minutes,
        next_try_at=now + after,
    )
    session.add(refund)
    audit.record(
        session,
        payment.guild_id,
        "refund_owed",
        at=now,
        actor_id=by.user_id if by else None,
        coach_id=payment.coach_id,
        member_id=payment.user_id,
        session_id=payment.session_id,
        details={"payment": payment.code, "amount_minor": payment.amount_minor, "currency": payment.currency},
    )
    return refund


async def refund_of(session: AsyncSession, payment_id: int, *, lock: bool = False) -> Refund | None:
    """Return what is owed or was paid back for a payment."""
    found = select(Refund).where(Refund.payment_id == payment_id)
    if lock:
        found = found.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(found)


async def keep_or_owe(session: AsyncSession, seat: Participant, now: datetime) -> None:
    """Keep the money of a session that a participant paid by card, or owe it back, by the rule for credit.

    A student who cancels says then how they want it. If others cancel, they have a while to keep it as credit.
    What's owed back is never charged again.
    """
    if seat.credit_minutes is not None or (charge := charge_of(seat)) is Charge.RESERVED:
        return
    row, payment = seat.session, await payment_of(session, seat, lock=True)
    if payment is None:
        return
    if await refund_of(session, payment.id) is not None:
        seat.credit_charged_at = None
    elif charge is Charge.CHARGED:
        seat.credit_charged_at = seat.credit_charged_at or now
    else:
        seat.credit_charged_at = None
        reason = RefundReason.CANCELLED if seat.charge_waived_at is None else RefundReason.WAIVED
        has_left = seat.status is ParticipantStatus.LEFT and seat.cancelled_late is not None
        by_themselves = has_left or row.cancelled_by == seat.user_id
        is_asked = reason is RefundReason.CANCELLED and row.missed_at is None and not by_themselves
        minutes = await credit_for_seat(session, payment) if row.is_workshop else None
        is_asked = is_asked and (minutes is not None or not row.is_workshop)
        after = CHOICE_FOR if is_asked else timedelta(0)
        owe(session, payment, reason, now, after=after, credit_minutes=minutes)


async def payment_of(session: AsyncSession, seat: Participant, *, lock: bool = False) -> Payment | None:
    """Return what a participant paid by card, last if they left a workshop and came back."""
    theirs = Payment.session_id == seat.session_id, Payment.user_id == seat.user_id
    paid = (
        select(Payment).where(*theirs, Payment.status == PaymentStatus.PAID).order_by(Payment.id.desc()).limit(1)
    )
    return await session.scalar(paid.with_for_update() if lock else paid)


async def credit_for_seat(session: AsyncSession, payment: Payment) -> int | None:
    """Return the minutes of credit that stand for what a seat cost, at the price of its coach; None for none.

    Not those of the workshop: its seats can cost less than the coach's time.
    """
    coach = await session.get(Coach, (payment.guild_id, payment.coach_id or 0))
    if coach is None or coach.currency != payment.currency:
        return None
    return minutes_for(payment.amount_minor, coach.rate_minor) or None


async def find_payment(session: AsyncSession, guild_id: int, payment_id: int, actor: Actor | None) -> Payment:
    """Return a payment to an admin, or without an actor to the operator.

    Raises NotAllowed, NotFound for another server's payment.
    """
    if actor is not None:
        actor.must_be_admin()
    payment = await session.get(Payment, payment_id)
    if payment is None or payment.guild_id != guild_id:
        raise NotFound("There's no such payment in this server. `/coaching payments` lists them.")
    return payment


async def pay_back(
    session: AsyncSession, guild_id: int, payment_id: int, actor: Actor | None, now: datetime
) -> Refund:
    """Owe somebody their money back because an admin says so, or without an actor the operator.

    For a package, takes back what's left of its credit; what is booked with it stays. For a session, it waives the
    charge, now or once it takes place.

    Raises NotAllowed, NotFound for another server's payment, AlreadyDecided if it isn't paid or is paid back.
    """
    payment = await find_payment(session, guild_id, payment_id, actor)
    about = None
    if payment.session_id is not None:  # locked first, as cancelling does, to prevent deadlocks
        about = await session.get_one(
            CoachingSession, payment.session_id, with_for_update=True, populate_existing=True
        )
    await session.refresh(payment, with_for_update=True)
    if payment.status is not PaymentStatus.PAID:
        raise AlreadyDecided("This hasn't been paid, so there's nothing to pay back.")
    if await refund_of(session, payment.id) is not None:
        raise AlreadyDecided("This is being paid back already, or has been.")
    if payment.lot_id is not None:
        lot = await session.get_one(CreditLot, payment.lot_id, with_for_update=True, populate_existing=True)
        await ledger.revoke(session, lot, now)
    if about is not None:
        seat = about.participant(payment.user_id)
        assert seat is not None, "whoever paid took part"
        seat.credit_charged_at, seat.charge_waived_at = None, seat.charge_waived_at or now
        seat.charge_waived_by = seat.charge_waived_by or (actor.user_id if actor else None)
        await outbox.requeue_direct(session, about.id, now)
    return owe(session, payment, RefundReason.ADMIN, now, by=actor)


async def advance(db: Database, stripe: Stripe, refund_id: int, clock: Clock) -> bool:
    """Pay back what is owed, and return whether that's settled. A failure is recorded, and tried again later."""
    async with db.begin() as session:
        refund = await session.get_one(Refund, refund_id, with_for_update=True, populate_existing=True)
        payment = await session.get_one(Payment, refund.payment_id)
        if refund.status is not RefundStatus.OWED or payment.livemode is not stripe.livemode:
            return True
        # From here on it can't be kept as credit any more: see `choices`.
        asked_before, refund.tried_at = refund.tried_at, refund.tried_at or clock()
    try:
        made = await _ask(db, stripe, payment, refund, asked_before, clock)
    except StripeFailure as failure:
        return await record_failure(db, refund_id, failure, clock())
    return await _record_made(db, refund_id, made, clock())


async def _ask(
    db: Database, stripe: Stripe, payment: Payment, refund: Refund, asked_before: datetime | None, clock: Clock
) -> RefundMade:
    """Ask Stripe for a refund that it hasn't made yet. Once asked, its list says so even if its answer doesn't."""
    assert payment.payment_intent_id is not None, "it has been paid"
    amount = card_amounts.to_stripe(refund.amount_minor, payment.currency)
    key = refund.idempotency_key
    if asked_before is not None:
        if (made := await _find_made(stripe, payment.payment_intent_id, refund)) is not None:
            return made
        if clock() - asked_before >= _KEY_LASTS:
            key = await _renew_key(db, refund, clock())
    try:
        return await stripe.refund(payment.payment_intent_id, amount, key)
    except StripeRefused:
        # Perhaps all of it has been paid back already, by us or in the dashboard.
        made = await _find_made(stripe, payment.payment_intent_id, refund, amount)
        if made is None:
            raise
        return made


async def _renew_key(db: Database, refund: Refund, now: datetime) -> str:
    """Give a refund that Stripe hasn't made another key, and return it.

    Stripe repeats a failed answer for as long as it remembers the key. Raises StripeUnavailable if somebody else
    has just done it.
    """
    async with db.begin() as session:
        stored = await session.get_one(Refund, refund.id, with_for_update=True, populate_existing=True)
        if stored.idempotency_key != refund.idempotency_key:
            raise StripeUnavailable("the refund is being asked for already")
        stored.idempotency_key, stored.tried_at = secrets.token_hex(16), now
        return stored.idempotency_key


async def _find_made(
    stripe: Stripe, payment_intent_id: str, refund: Refund, amount: int | None = None
) -> RefundMade | None:
    """Find our refund at Stripe or, with an amount, any that paid back so much."""
    made = await stripe.refunds_of(payment_intent_id)
    alive = [one for one in made if one.state not in (RefundState.FAILED, RefundState.CANCELED)]
    ours = (one for one in alive if one.key == refund.idempotency_key)
    anyone = (one for one in alive if amount is not None and sum(other.amount for other in alive) >= amount)
    return next(ours, None) or next(anyone, None)


async def _lock(session: AsyncSession, refund_id: int) -> tuple[Payment, Refund]:
    """Lock the session, its payment and the refund, in the order of cancelling.

    Messages and audit entries refer to the first two, so writing one waits for whoever has locked them.
    """
    payment = await session.get_one(Payment, (await session.get_one(Refund, refund_id)).payment_id)
    if payment.session_id is not None:
        await session.get_one(CoachingSession, payment.session_id, with_for_update=True, populate_existing=True)
    await session.refresh(payment, with_for_update=True)
    refund = await session.get_one(Refund, refund_id, with_for_update=True, populate_existing=True)
    return payment, refund


async def _record_made(db: Database, refund_id: int, made: RefundMade, now: datetime) -> bool:
    async with db.begin() as session:
        payment, refund = await _lock(session, refund_id)
        if refund.status is not RefundStatus.OWED:
            return True
        refund.refund_id = made.id
        if made.state in (RefundState.FAILED, RefundState.CANCELED):
            await fail(session, refund, payment, "the bank didn't take it", now)
        else:
            await settle(session, refund, payment, now, at=made.at)
        return True


async def settle(
    session: AsyncSession, refund: Refund, payment: Payment, now: datetime, *, at: datetime | None = None
) -> None:
    """Record that the money was paid back, now or earlier (`at`), and tell whoever paid."""
    refund.status, refund.done_at, refund.next_try_at, refund.last_error = RefundStatus.DONE, at or now, None, None
    await alerts.refunded(session, payment, now)
    await update_messages(session, payment, now)
    outbox.enqueue(
        session,
        NotificationKind.REFUNDED,
        payment.guild_id,
        now=now,
        user_id=payment.user_id,
        coach_id=payment.coach_id,
        payment_id=payment.id,
    )


async def fail(session: AsyncSession, refund: Refund, payment: Payment, why: str, now: datetime) -> None:
    """Record that the money can't be paid back, and alert admins, who can pay it another way."""
    refund.status, refund.done_at, refund.next_try_at, refund.last_error = RefundStatus.FAILED, None, None, why
    await alerts.refund_failed(session, payment, why, now)
    await update_messages(session, payment, now)


async def update_messages(session: AsyncSession, payment: Payment, now: datetime) -> None:
    """Update the direct messages about the session that was paid for, and those to whoever gave up a seat."""
    if payment.session_id is not None:
        await outbox.requeue_direct(session, payment.session_id, now)
        about = payment.session_id, NotificationKind.SEAT_LEFT
        await outbox.requeue_sent(session, *about, now, user_id=payment.user_id)


async def record_failure(db: Database, refund_id: int, failure: StripeFailure, now: datetime) -> bool:
    """Try again later, unless it's refused."""
    async with db.begin() as session:
        payment, refund = await _lock(session, refund_id)
        if refund.status is not RefundStatus.OWED:
            return True
        refund.attempts, refund.last_error = refund.attempts + 1, str(failure)
        refund.next_try_at = now + pause(refund.attempts, refund.id, longest=_LONGEST_PAUSE)
        if isinstance(failure, StripeRefused):
            await fail(session, refund, payment, str(failure), now)
        return False
