"""What is due with Stripe: open payments to ask about, and money to pay back."""

import logging
from collections.abc import Hashable
from functools import partial

from sqlalchemy import select

from models import UNDECIDED, Payment, Refund
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.core.task_pool import Jobs, TaskPool
from scheduler.payments import checkouts, refunds
from scheduler.payments.ports import Stripe, StripeUnavailable

log = logging.getLogger(__name__)

_A_ROUND = 50


async def do_due(db: Database, stripe: Stripe, clock: Clock, pool: TaskPool[bool]) -> int:
    """Ask about payments and pay back what is owed, each on its own. Returns how much failed, to be retried."""
    async with db.read() as session:
        now = clock()
        asked = select(Payment.id).where(Payment.next_check_at <= now, Payment.livemode == stripe.livemode)
        payments = list(await session.scalars(asked.order_by(Payment.next_check_at).limit(_A_ROUND)))
        owed = (
            select(Refund.id)
            .join(Payment, Payment.id == Refund.payment_id)
            .where(Refund.next_try_at <= now, Payment.livemode == stripe.livemode)
        )
        refund_ids = list(await session.scalars(owed.order_by(Refund.next_try_at).limit(_A_ROUND)))

    async def ask(payment_id: int) -> bool:
        try:
            payment = await checkouts.advance(db, stripe, payment_id, clock, unseen=True)
        except Exception as bug:  # the others and the tick go on, and this one is asked about again
            log.exception("payment %s couldn't be advanced", payment_id)
            payment = await checkouts.record_failure(db, payment_id, _name(bug), clock())
        return payment.last_error is None or payment.status not in UNDECIDED

    async def pay_back(refund_id: int) -> bool:
        try:
            return await refunds.advance(db, stripe, refund_id, clock)
        except Exception as bug:
            log.exception("refund %s couldn't be advanced", refund_id)
            return await refunds.record_failure(db, refund_id, StripeUnavailable(_name(bug)), clock())

    jobs: dict[Hashable, partial[object]] = {("payment", one): partial(ask, one) for one in payments}
    jobs |= {("refund", one): partial(pay_back, one) for one in refund_ids}
    work: Jobs[bool] = jobs  # pyright: ignore[reportAssignmentType]
    return sum(not done for done in await pool.work(work))


def _name(bug: Exception) -> str:
    return f"{type(bug).__name__} (a bug; see the log)"
