"""What is due with Stripe: open payments to ask about, sooner if its webhook says so, and money to pay back."""

import logging
from collections.abc import Hashable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import UNDECIDED, Payment, Refund, StripeEvent
from models.storage.database import Database, insert_if_absent
from scheduler.booking.releases import Barred
from scheduler.core.clock import Clock
from scheduler.core.task_pool import Job, TaskPool
from scheduler.payments import checkouts, refunds
from scheduler.payments.ports import Stripe, StripeUnavailable

log = logging.getLogger(__name__)

_A_ROUND = 50
_KEPT = timedelta(days=3)
"""For how long Stripe repeats an event that wasn't taken: https://docs.stripe.com/webhooks#retries"""


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
        except Exception as bug:  # likewise
            log.exception("refund %s couldn't be advanced", refund_id)
            return await refunds.record_failure(db, refund_id, StripeUnavailable(_name(bug)), clock())

    asking = [(("payment", one), partial(ask, one)) for one in payments]
    paying = [(("refund", one), partial(pay_back, one)) for one in refund_ids]
    return sum(not done for done in await pool.work(dict[Hashable, Job[bool]](asking + paying)))


def _name(bug: Exception) -> str:
    return f"{type(bug).__name__} (a bug; see the log)"


async def hurry_barred(session: AsyncSession, barred: Barred, now: datetime) -> None:
    """Look at once at what someone pays for, or is paid for, who can't book or coach here any more."""
    is_theirs = or_(Payment.user_id == barred.user_id, Payment.coach_id == barred.user_id)
    theirs = Payment.guild_id == barred.guild_id, is_theirs
    is_open = Payment.closed_at.is_(None), Payment.status.in_(UNDECIDED)
    asked = update(Payment).where(*theirs, *is_open).values(next_check_at=now)
    await session.execute(asked.execution_options(synchronize_session=False))


async def hurry(
    session: AsyncSession, event_id: str, now: datetime, *, checkout_id: str, code: str | None
) -> bool:
    """Have Stripe asked about a payment at once, because its webhook says something, which isn't believed itself.

    Returns False if there's nothing to ask, or it's a repetition.
    """
    if await session.get(StripeEvent, event_id) is not None:
        return False
    await insert_if_absent(session, StripeEvent, event_id=event_id, received_at=now)
    await session.execute(delete(StripeEvent).where(StripeEvent.received_at < now - _KEPT))
    # Its code is enough, in case the answer that names the checkout was lost.
    which = or_(Payment.checkout_id == checkout_id, Payment.code == code)
    asked = update(Payment).where(which, Payment.status.in_(UNDECIDED)).values(next_check_at=now)
    found = await session.scalars(asked.returning(Payment.id).execution_options(synchronize_session=False))
    return found.first() is not None
