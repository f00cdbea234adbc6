"""What the demo's Stripe knew when an earlier demo on the same database ended: it keeps nothing itself."""

from sqlalchemy import select

from bot.demo.payments.stripe_account import StripeAccount
from models import UNDECIDED, Payment, Refund
from models.storage.database import Database
from scheduler.parsing import card_amounts


async def recall(db: Database, account: StripeAccount) -> None:
    """Let the account know again what was paid and refunded, so that the rest can be paid or refunded now."""
    async with db.read() as session:
        payments = list(await session.scalars(select(Payment).where(Payment.checkout_id.is_not(None))))
        refunds = {one.payment_id: one for one in await session.scalars(select(Refund))}
    for payment in payments:
        refund = refunds.get(payment.id)
        one = account.open_checkout(payment.request, payment.checkout_id)
        if payment.payment_intent_id is not None and payment.closed_at is not None:
            account.complete(one, payment.closed_at, payment.payment_intent_id)
        elif payment.status not in UNDECIDED:
            one |= {"status": "expired", "url": None}
        if refund is not None and refund.refund_id is not None and refund.done_at is not None:
            amount = card_amounts.to_stripe(refund.amount_minor, payment.currency)
            account.pay_back(one["payment_intent"], amount, {}, refund.done_at, refund.refund_id)
