"""What students answer to an offer of a seat, and what follows once they have one."""

from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, FreedTime, Hold, Offer, OfferState, Participant, Seat, Wish, WishEnd
from scheduler.booking.booking import ReserveCredit
from scheduler.core.actor import Actor
from scheduler.waiting_list import freed as freed_times
from scheduler.waiting_list import offers, wishes
from scheduler.workshops import seats
from scheduler.workshops.free_seats import free_seats


async def take(
    session: AsyncSession, seen: Offer, actor: Actor, now: datetime, *, reserve_credit: ReserveCredit | None
) -> CoachingSession:
    """Take the seat that was offered. Taking it twice takes it once.

    Raises as `offers.lock_open` and `seats.take` do.
    """
    assert seen.session_id is not None, "it's for a seat"
    if seen.state is not OfferState.TAKEN:
        await offers.lock_open(session, seen.id, actor, now)
        await seats.take(session, seen.session_id, actor, now, reserve_credit=reserve_credit)
    return await session.get_one(CoachingSession, seen.session_id)


async def begin_to_pay(session: AsyncSession, held: Hold) -> None:
    """Record that somebody pays for what was offered to them, if it was. Not paying counts as passing it on."""
    assert held.session_id is not None, "it holds a seat"
    found = await session.scalars(_undecided(held.session_id, held.student_id, OfferState.OPEN))
    if (offer := found.first()) is not None:
        offers.mark_paying(offer, held.id)
        if offer.freed_id is not None:  # the line goes on once the payment is over
            held.next_step_at = None


async def follow_taken_seat(session: AsyncSession, seat: Participant, now: datetime) -> None:
    """End what somebody waits for once they have a seat, however they got it."""
    theirs = _undecided(seat.session_id, seat.user_id, OfferState.OPEN, OfferState.PAYING)
    for offer in await session.scalars(theirs):
        offer.hold_id = None
        await offers.close(session, offer, OfferState.TAKEN, now, actor_id=seat.user_id)
        await _end_keeping(session, offer, now)
    open_wish = Wish.session_id == seat.session_id, Wish.user_id == seat.user_id, Wish.ended_at.is_(None)
    wish = await session.scalar(select(Wish).where(*open_wish).with_for_update())
    if wish is not None:
        wishes.mark_ended(session, wish, WishEnd.BOOKED, now, actor_id=seat.user_id)
    await _tell_others(session, seat, now)


def _undecided(session_id: int, user_id: int, *states: OfferState) -> Select[Offer]:
    theirs = select(Wish.id).where(Wish.user_id == user_id, Wish.session_id == session_id)
    undecided = Offer.wish_id.in_(theirs), Offer.state.in_(states)
    return select(Offer).where(*undecided).order_by(Offer.id).with_for_update()


async def _end_keeping(session: AsyncSession, offer: Offer, now: datetime) -> None:
    """Keep the seat for nobody any more or, if they took another one, offer it to the next person."""
    kept = await session.get(FreedTime, offer.freed_id, with_for_update=True) if offer.freed_id else None
    if kept is None:
        return
    if await session.scalar(select(exists().where(Seat.freed_id == kept.id))):
        await freed_times.look_again(session, kept.id, now)
        return
    offer.freed_id = None
    await session.flush()
    await session.delete(kept)
    await session.flush()


async def _tell_others(session: AsyncSession, seat: Participant, now: datetime) -> None:
    """Withdraw what others were told of, if that was the last free seat."""
    # They run out when it starts. An index has the few open ones by that.
    shared = Offer.next_step_at == seat.starts_at, Offer.is_shared, Offer.state == OfferState.OPEN
    told = select(Offer).where(*shared, Offer.session_id == seat.session_id).order_by(Offer.id)
    others = list(await session.scalars(told.with_for_update()))
    if others and not (await free_seats(session, [seat.session_id], now))[seat.session_id]:
        for one in others:
            await offers.close(session, one, OfferState.WITHDRAWN, now)
