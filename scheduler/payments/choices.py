"""Money back, or credit in its place: what whoever paid by card chooses, never both and never neither.

A refund is owed first in any case. Keeping it as credit closes that very row, under its lock and before Stripe is
asked for the first time (see `refunds.advance`), in the transaction that gives the credit.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    CoachingSession,
    CreditLot,
    Guild,
    LotSource,
    Participant,
    Payment,
    Refund,
    RefundReason,
    RefundStatus,
)
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotBookable
from scheduler.credits import grants, ledger
from scheduler.credits.packages import USUAL_VALIDITY
from scheduler.payments import checkouts, records, refunds
from scheduler.sessions import charge_standing
from scheduler.workshops import seats
from scheduler.workshops.leaving import is_late


async def cancel(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    guild_id: int | None,
    reason: str,
    now: datetime,
    *,
    as_credit: bool = False,
) -> CoachingSession:
    """Cancel as `cancellation.cancel` does. With `as_credit`, its student keeps what they get back as credit.

    Nobody else can choose that, and there's nothing to choose if nothing is given back.
    """
    cancelled = await cancellation.cancel(session, session_id, actor, guild_id, reason, now)
    if as_credit and cancelled.participant(actor.user_id) is not None:
        owed = select(Refund).join(Payment, Payment.id == Refund.payment_id)
        # Only settling a session owes one for this reason, and nobody else has seen it yet.
        theirs = Payment.session_id == cancelled.id, Payment.user_id == actor.user_id
        by_cancelling = *theirs, Refund.reason == RefundReason.CANCELLED
        if (refund := await session.scalar(owed.where(*by_cancelling))) is not None:
            payment = await session.get_one(Payment, refund.payment_id)
            await _give_credit(session, cancelled, payment, refund, now)
    return cancelled


async def credit_if_left(session: AsyncSession, seat: Participant, now: datetime) -> int | None:
    """Return the minutes of credit as which a participant who leaves now can keep what they paid by card.

    None if there's nothing to choose.
    """
    guild = await session.get_one(Guild, seat.guild_id)
    if seat.credit_minutes is not None or is_late(seat.session, guild, now):
        return None
    payment = await find_kept(session, seat)
    return await refunds.credit_for_seat(session, payment) if payment is not None else None


async def find_kept(session: AsyncSession, seat: Participant) -> Payment | None:
    """Return what a participant paid by card for their seat, unless it goes back to them."""
    payment = await refunds.payment_of(session, seat)
    is_kept = payment is not None and await refunds.refund_of(session, payment.id) is None
    return payment if is_kept else None


async def leave(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, credit_minutes: int | None = None
) -> Participant:
    """Give the actor's seat back as `seats.leave` does. They can keep what they get back as so much credit.

    There's nothing to keep if nothing is given back. Also raises NotBookable if it's another number now.
    """
    seat = await seats.leave(session, session_id, actor, now)
    payment = await refunds.payment_of(session, seat) if credit_minutes is not None else None
    refund = await refunds.refund_of(session, payment.id, lock=True) if payment is not None else None
    if payment is not None and refund is not None and refund.status is RefundStatus.OWED:
        if refund.credit_minutes != credit_minutes:
            raise NotBookable(
                "The coach's price has changed, so it makes another amount of credit now. Press **Leave** again."
            )
        await _give_credit(session, seat.session, payment, refund, now)
    return seat


async def keep_as_credit(session: AsyncSession, payment_id: int, actor: Actor, now: datetime) -> CreditLot:
    """Give whoever paid for a session credit in place of the refund they're owed. Twice does nothing more.

    Raises NotFound to everyone else, AlreadyDecided once the money is on its way.
    """
    about, payment, refund = await _lock(session, payment_id, actor)
    if refund.status is RefundStatus.KEPT:
        return await _lot_of(session, payment, refund)
    _check_open(refund, now)
    return await _give_credit(session, about, payment, refund, now)


async def refund_now(session: AsyncSession, payment_id: int, actor: Actor, now: datetime) -> Payment:
    """Have whoever paid refunded at once, so that there's nothing more to choose. Twice does nothing more.

    Raises NotFound to everyone else, AlreadyDecided if they keep it as credit.
    """
    _, payment, refund = await _lock(session, payment_id, actor)
    if refund.status is RefundStatus.KEPT:
        _check_open(refund, now)
    if charge_standing.can_choose(refund, now):
        refund.next_try_at = now
        await refunds.update_messages(session, payment, now)
    return payment


async def _lock(session: AsyncSession, payment_id: int, actor: Actor) -> tuple[CoachingSession, Payment, Refund]:
    """Lock the session, the payment and its refund, in the order of cancelling."""
    payment = await checkouts.find(session, payment_id, actor)
    if payment.session_id is None or await refunds.refund_of(session, payment.id) is None:
        raise AlreadyDecided("Nothing of this is paid back, so there's nothing to choose.")
    about = await session.get_one(
        CoachingSession, payment.session_id, with_for_update=True, populate_existing=True
    )
    await session.refresh(payment, with_for_update=True)
    refund = await refunds.refund_of(session, payment.id, lock=True)
    assert refund is not None, "refunds are never deleted"
    return about, payment, refund


def _check_open(refund: Refund, now: datetime) -> None:
    if refund.status is RefundStatus.KEPT:
        raise AlreadyDecided("You've kept this as credit. `/credits` shows it.")
    if not charge_standing.can_choose(refund, now):
        raise AlreadyDecided("This money is on its way back to your card already, so it can't become credit.")


async def _give_credit(
    session: AsyncSession, about: CoachingSession, payment: Payment, refund: Refund, now: datetime
) -> CreditLot:
    guild = await session.get_one(Guild, payment.guild_id)
    refund.status, refund.done_at, refund.next_try_at = RefundStatus.KEPT, now, None
    lot = CreditLot(
        guild_id=guild.id,
        user_id=payment.user_id,
        source=LotSource.REFUND,
        coach_ids=[about.coach_id],
        valid_until=grants.last_day_ends_at(guild, USUAL_VALIDITY, now),
        session_id=about.id,
        paid_minor=payment.amount_minor,
        currency=payment.currency,
    )
    await ledger.grant(session, lot, charge_standing.credit_instead(about, refund), now)
    grants.announce(session, lot, now)
    records.record(session, payment, "refund_kept_as_credit", now, actor_id=payment.user_id)
    await refunds.update_messages(session, payment, now)
    return lot


async def _lot_of(session: AsyncSession, payment: Payment, refund: Refund) -> CreditLot:
    theirs = CreditLot.session_id == payment.session_id, CreditLot.user_id == payment.user_id
    # Whoever takes a seat again can have several.
    its = CreditLot.source == LotSource.REFUND, CreditLot.created_at == refund.done_at
    return (await session.scalars(select(CreditLot).where(*theirs, *its))).one()
