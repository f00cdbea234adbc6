"""What admins are alerted about when money is concerned: what only they can settle, or should know of."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Alert, Payment
from scheduler.notifications import admin_alerts
from scheduler.parsing.money import write_money

_REFUND, _MISMATCH, _DISPUTE, _ELSEWHERE = (
    "refund_failed",
    "payment_mismatch",
    "payment_dispute",
    "refund_elsewhere",
)
_NEWS = (_MISMATCH, _DISPUTE, _ELSEWHERE)
"""Nothing says when these are settled."""
_NEWS_LASTS = timedelta(days=14)


async def refund_failed(session: AsyncSession, payment: Payment, why: str, now: datetime) -> None:
    """Report money that the bot can't pay back."""
    text = (
        f"I couldn't pay {_amount(payment)} back to <@{payment.user_id}> (payment `{payment.code}`): {why}. "
        "Refund it in Stripe's dashboard, or pay it back another way."
    )
    await admin_alerts.raise_alert(session, payment.guild_id, _key(_REFUND, payment), text, now)


async def refunded(session: AsyncSession, payment: Payment, now: datetime) -> None:
    """Report that it's paid back after all."""
    await admin_alerts.resolve(session, payment.guild_id, _key(_REFUND, payment), now)


async def mismatch(session: AsyncSession, payment: Payment, why: str, now: datetime, *, is_paid: bool) -> None:
    """Report a payment that isn't what was asked for, so that nothing was booked."""
    so = "It was paid, so refund it in Stripe's dashboard" if is_paid else "Look it up in Stripe's dashboard"
    text = (
        f"I didn't accept the payment `{payment.code}` of <@{payment.user_id}>, so nothing is booked: {why}. "
        f"{so}, and ask the person who runs the bot to check its Stripe key."
    )
    await admin_alerts.raise_alert(session, payment.guild_id, _key(_MISMATCH, payment), text, now)


async def disputed(session: AsyncSession, payment: Payment, now: datetime) -> None:
    """Report that the bank of whoever paid asks for the money back."""
    text = (
        f"<@{payment.user_id}> disputes their payment of {_amount(payment)} (`{payment.code}`) at their bank. "
        "Answer it in Stripe's dashboard, which says until when. Nothing changes here by itself."
    )
    await admin_alerts.raise_alert(session, payment.guild_id, _key(_DISPUTE, payment), text, now)


async def refunded_elsewhere(session: AsyncSession, payment: Payment, now: datetime, *, is_kept: bool) -> None:
    """Report a refund that the bot didn't make. `is_kept`: whoever paid had kept it as credit."""
    back = write_money(payment.refunded_elsewhere_minor, payment.currency)
    keeps_credit = is_kept or payment.session_id is None
    what = "the credit is kept" if keeps_credit else "the session it paid for is still booked"
    text = (
        f"{back} of {_amount(payment)} was paid back to <@{payment.user_id}> in Stripe's dashboard (payment "
        f"`{payment.code}`). I've noted it, but {what}. If it shouldn't be, change that, too."
    )
    await admin_alerts.raise_alert(session, payment.guild_id, _key(_ELSEWHERE, payment), text, now)


async def forget_old_news(session: AsyncSession, now: datetime) -> None:
    """End alerts that nothing else ends, without a message."""
    news = or_(*(Alert.key.startswith(f"{one}:", autoescape=True) for one in _NEWS))
    old = update(Alert).where(news, Alert.fixed_at.is_(None), Alert.told_at < now - _NEWS_LASTS)
    await session.execute(old.values(fixed_at=now).execution_options(synchronize_session=False))


def _key(what: str, payment: Payment) -> str:
    return f"{what}:{payment.code}"


def _amount(payment: Payment) -> str:
    amount = write_money(payment.amount_minor, payment.currency)
    return amount if payment.livemode else f"{amount} (TEST: no money moves)"
