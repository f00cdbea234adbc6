"""A daily look at what happened to payments elsewhere: refunds in Stripe's dashboard, disputes at banks."""

import logging
from collections.abc import Set
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Heartbeat, Payment, PaymentStatus, Refund, RefundStatus
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.parsing import card_amounts
from scheduler.payments import alerts, refunds
from scheduler.payments.ports import MadeElsewhere, RefundState, Stripe, StripeFailure

log = logging.getLogger(__name__)

LOOK = "stripe"
"""The job whose heartbeat says when the last look ended."""
EVERY = timedelta(days=1)
_OVERLAP = timedelta(days=2)
"""How much of the past is seen twice, for what was under way during the last look."""
_FIRST = timedelta(days=30)
"""How far the first look goes back."""
_MAY_FAIL = timedelta(days=30)
"""How late a bank may send a refund back: https://docs.stripe.com/refunds#failed-refunds"""


async def look_if_due(db: Database, stripe: Stripe, clock: Clock) -> None:
    """Look once a day, if anything has been paid. A failed look is logged, and tried again the next time."""
    now = clock()
    async with db.read() as session:
        last = await session.get(Heartbeat, LOOK)
        paid = select(Payment.id).where(Payment.status == PaymentStatus.PAID, Payment.livemode == stripe.livemode)
        is_due = last is None or not last.at <= now < last.at + EVERY
        if not is_due or await session.scalar(paid.limit(1)) is None:
            return
    try:
        await look(db, stripe, last.at - _OVERLAP if last is not None else now - _FIRST, now)
    except StripeFailure as failure:
        log.warning("couldn't look for refunds and disputes at Stripe: %s", failure)
    except Exception:  # a bug here mustn't keep ticks waiting
        log.exception("the look for refunds and disputes at Stripe failed")


async def look(db: Database, stripe: Stripe, since: datetime, now: datetime) -> None:
    """Record refunds and disputes since then, and alert admins to new ones. Raises StripeFailure."""
    made = list(await stripe.made_elsewhere(since))
    made += await _own_refunds(db, stripe, {one.payment_intent_id for one in made if not one.is_disputed}, now)
    for one in made:
        async with db.begin() as session:
            theirs = select(Payment).where(
                Payment.payment_intent_id == one.payment_intent_id,
                Payment.livemode == stripe.livemode,
                Payment.status == PaymentStatus.PAID,
            )
            for payment in await session.scalars(theirs.with_for_update()):
                await _record(session, payment, one, now)
    async with db.begin() as session:
        await alerts.forget_old_news(session, now)
        await session.merge(Heartbeat(job=LOOK, at=now))


async def _own_refunds(db: Database, stripe: Stripe, seen: Set[str], now: datetime) -> list[MadeElsewhere]:
    """Return how our refunds of the last month are, except of payments `seen`: banks may still send them back."""
    ours = (
        select(Payment.payment_intent_id)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(
            Refund.status == RefundStatus.DONE,
            Refund.done_at > now - _MAY_FAIL,
            Payment.livemode == stripe.livemode,
        )
    )
    async with db.read() as session:
        intents = [one for one in await session.scalars(ours) if one is not None and one not in seen]
    failed = RefundState.FAILED, RefundState.CANCELED
    return [
        MadeElsewhere(
            intent,
            now,
            refunded=sum(one.amount for one in await stripe.refunds_of(intent) if one.state not in failed),
        )
        for intent in intents
    ]


async def _record(session: AsyncSession, payment: Payment, one: MadeElsewhere, now: datetime) -> None:
    if one.is_disputed:
        if payment.disputed_at is None:
            payment.disputed_at = one.at
            await alerts.disputed(session, payment, now)
        return
    refund = await refunds.refund_of(session, payment.id, lock=True)
    if refund is not None and refund.status is RefundStatus.OWED:
        return  # perhaps it's this one, just made; the next look sees it again
    refunded = card_amounts.from_stripe(one.refunded, payment.currency)
    if refund is not None and refund.status is RefundStatus.FAILED and refunded >= refund.amount_minor:
        await refunds.settle(session, refund, payment, now, at=one.at)
    ours = refund.amount_minor if refund is not None and refund.status is RefundStatus.DONE else 0
    if refund is not None and refunded < ours:
        await refunds.fail(session, refund, payment, "the bank didn't take it", now)
        ours = 0
    before, payment.refunded_elsewhere_minor = payment.refunded_elsewhere_minor, max(refunded - ours, 0)
    if payment.refunded_elsewhere_minor > before:
        payment.refunded_elsewhere_at = one.at
        is_kept = refund is not None and refund.status is RefundStatus.KEPT
        await alerts.refunded_elsewhere(session, payment, now, is_kept=is_kept)
