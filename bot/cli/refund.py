"""Pays back what somebody paid by card, for servers that the bot was removed from."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.cli.exit import FAILED, USAGE_ERROR, Stop
from models import Payment, PaymentStatus, Refund, RefundStatus
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.parsing.money import write_money
from scheduler.payments import refunds
from scheduler.payments.ports import Stripe


async def refund(db: Database, stripe: Stripe, code: str, clock: Clock) -> str:
    """Pay a payment back in full, once however often it's called. Returns what to say. Raises Stop."""
    async with db.begin() as session:
        payment, owed = await _owe(session, stripe, code, clock)
    if owed.status is RefundStatus.OWED:
        await refunds.advance(db, stripe, owed.id, clock)
    async with db.read() as session:
        made = await session.get_one(Refund, owed.id)
    amount = write_money(payment.amount_minor, payment.currency)
    if made.status is RefundStatus.DONE:
        test = "" if payment.livemode else " (TEST: no money moves)"
        return f"{code}: {amount} paid back to the person with the Discord id {payment.user_id}{test}"
    if made.status is RefundStatus.FAILED:
        raise Stop(
            f"{code}: {amount} can't be paid back: {made.last_error}. Refund it in Stripe's dashboard, or pay it "
            "back another way",
            FAILED,
        )
    if made.status is RefundStatus.KEPT:
        raise Stop(
            f"{code}: the person with the Discord id {payment.user_id} keeps the {amount} as credit, so there's "
            "nothing to pay back. If you still have to, do it in Stripe's dashboard",
            FAILED,
        )
    raise Stop(
        f"{code}: {amount} is owed, but not paid back yet: {made.last_error}. A running bot keeps trying; or run "
        "this again",
        FAILED,
    )


async def _owe(session: AsyncSession, stripe: Stripe, code: str, clock: Clock) -> tuple[Payment, Refund]:
    payment = await session.scalar(select(Payment).where(Payment.code == code))
    if payment is None:
        raise Stop(f"there's no payment {code}; the log and `/coaching payments` show the codes", FAILED)
    if payment.status is not PaymentStatus.PAID:
        raise Stop(f"{code} hasn't been paid ({payment.status}), so there's nothing to pay back", FAILED)
    if payment.livemode is not stripe.livemode:
        key = "a live key" if payment.livemode else "a test key"
        raise Stop(f"{code} was paid with {key}: set STRIPE_SECRET_KEY to {key} of that account", USAGE_ERROR)
    owed = await refunds.refund_of(session, payment.id)
    if owed is None:
        owed = await refunds.pay_back(session, payment.guild_id, payment.id, None, clock())
        await session.flush()
    return payment, owed
