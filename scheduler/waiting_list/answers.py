"""What students answer to an offer: take it, pay for it, move a session to it, or pass."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    CoachingSession,
    FreedTime,
    Guild,
    Hold,
    HoldPurpose,
    Offer,
    OfferState,
    Participant,
    Payment,
    SessionStatus,
    Wish,
    WishEnd,
)
from scheduler.booking import booking, releases, rescheduling, reservations
from scheduler.booking.booking import ReserveCredit
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, NotFound, TooLate
from scheduler.sessions.freed_times import Freed
from scheduler.time.intervals import subtract
from scheduler.waiting_list import freed as freed_times
from scheduler.waiting_list import offers, seat_answers, takeable, wishes


async def check_takeable(session: AsyncSession, guild: Guild, offer: Offer, actor: Actor, now: datetime) -> None:
    """Raise what keeps a student from taking what's held for them: a block, a limit, or another session then."""
    await releases.release_expired(session, actor.user_id, now)
    await takeable.check(session, guild, actor, offer.starts_at, offer.ends_at, now)


async def take(
    session: AsyncSession,
    offer_id: int,
    actor: Actor,
    now: datetime,
    *,
    reserve_credit: ReserveCredit | None = None,
) -> CoachingSession:
    """Book what was offered, at the price that was told, and end the wish. Taking it twice books it once.

    With `reserve_credit` it costs the actor's minutes, which that takes. Raises NotFound, TooLate when it's over,
    SlotTaken or WorkshopFull if somebody was faster, NotBookable or Blocked if the actor can't book it.
    """
    taken = await offers.lock(session, await offers.find(session, offer_id, actor))
    if await offers.is_for_seat(session, taken):
        return await seat_answers.take(session, taken, actor, now, reserve_credit=reserve_credit)
    if taken.state is OfferState.TAKEN and taken.session_id is not None:
        return await session.get_one(CoachingSession, taken.session_id)
    offer = await offers.lock_open(session, offer_id, actor, now)
    guild = await session.get_one(Guild, offer.guild_id)
    await check_takeable(session, guild, offer, actor, now)
    if offer.is_shared:
        agreed = {"agreed_minor": offer.cost_minor, "agreed_currency": offer.currency}
        what = offer.coach_id, offer.starts_at, offer.ends_at - offer.starts_at, None
        booked = await booking.book(session, guild, actor, *what, now, **agreed, reserve_credit=reserve_credit)
    else:
        held = await _hold_of(session, offer)
        price_told = offer.cost_minor, offer.currency
        booked = await booking.book_held(
            session, guild, held, None, *price_told, now, reserve_credit=reserve_credit
        )
    await _fulfil(session, offer, OfferState.TAKEN, booked, now)
    return booked


async def begin_to_pay(session: AsyncSession, offer: Offer, until: datetime) -> Hold:
    """Turn an open offer's hold into one that's paid for, and take the student's time. See `lock_open`.

    Raises NotBookable if they aren't free.
    """
    held = await _hold_of(session, offer)
    if not await reservations.reserve_student(session, held):
        raise NotBookable(
            "You have another session at that time. Reschedule or cancel it first, or press **Pass**."
        )
    held.purpose, held.expires_at = HoldPurpose.PAYMENT, until
    offers.mark_paying(offer, held.id)
    return held


async def find_paying(session: AsyncSession, payment: Payment) -> Offer | None:
    """Return the offer that's paid for with this payment, if there is one, also once its hold is gone."""
    if payment.starts_at is None:
        return None
    which = (
        Offer.state == OfferState.PAYING,
        Offer.guild_id == payment.guild_id,
        Offer.user_id == payment.user_id,
        Offer.coach_id == payment.coach_id,
        Offer.starts_at == payment.starts_at,
    )
    return await session.scalar(select(Offer).where(*which).with_for_update())


async def settle_payment(
    session: AsyncSession, offer: Offer, booked: CoachingSession | None, now: datetime
) -> None:
    """Record what became of an offer that was being paid for: booked, or else it counts as passed."""
    if booked is not None:
        await _fulfil(session, offer, OfferState.TAKEN, booked, now)
    else:
        await offers.close(session, offer, OfferState.PASSED, now)


async def find_later(session: AsyncSession, offer: Offer, now: datetime) -> CoachingSession | None:
    """Return the student's next session with this coach that could be moved to the offered time."""
    theirs = (
        CoachingSession.has_participant(
            offer.user_id,
            Participant.guild_id == offer.guild_id,
            Participant.coach_id == offer.coach_id,
            Participant.starts_at > max(offer.starts_at, now),
        ),
        CoachingSession.status == SessionStatus.SCHEDULED,
    )
    length = offer.ends_at - offer.starts_at
    found = await session.scalars(select(CoachingSession).where(*theirs).order_by(CoachingSession.starts_at))
    return next((one for one in found if one.duration == length), None)


async def reschedule(session: AsyncSession, offer_id: int, actor: Actor, now: datetime) -> CoachingSession:
    """Move the student's next session with this coach to the offered time, and end the wish.

    Raises as `take` and `rescheduling.reschedule` do.
    """
    done = await offers.find(session, offer_id, actor)
    if done.state is OfferState.RESCHEDULED and done.session_id is not None:
        return await session.get_one(CoachingSession, done.session_id)
    offer = await offers.lock_open(session, offer_id, actor, now)
    later = await find_later(session, offer, now)
    if later is None or await offers.is_for_seat(session, offer):
        raise NotFound(
            "You have no later session of that length with this coach. Press **Take it** to book this one."
        )
    if offer.hold_id is not None:
        await releases.drop(session, offer.hold_id)
        offer.hold_id = None
    moved = await rescheduling.reschedule(session, later.id, actor, offer.starts_at, "", now)
    await _fulfil(session, offer, OfferState.RESCHEDULED, moved, now)
    return moved


async def decline(session: AsyncSession, offer_id: int, actor: Actor, now: datetime) -> Offer:
    """Pass an offer on to the next person. The actor keeps their place. Raises NotFound, TooLate."""
    offer = await offers.lock_open(session, offer_id, actor, now)
    await offers.close(session, offer, OfferState.PASSED, now, actor_id=actor.user_id)
    return offer


async def _hold_of(session: AsyncSession, offer: Offer) -> Hold:
    held = await session.get(Hold, offer.hold_id, with_for_update=True) if offer.hold_id is not None else None
    if held is None:
        raise TooLate("This time isn't held for you any more. Choose another one with `/book`.")
    return held


async def _fulfil(
    session: AsyncSession, offer: Offer, state: OfferState, booked: CoachingSession, now: datetime
) -> None:
    """Record that an offer was accepted, end its wish, and free what's left of the time."""
    offer.session_id = booked.id
    offer.hold_id = None
    await offers.close(session, offer, state, now, actor_id=offer.user_id)
    wish = await session.get_one(Wish, offer.wish_id, with_for_update=True)
    if wish.ended_at is None:
        wishes.mark_ended(session, wish, WishEnd.BOOKED, now, actor_id=offer.user_id)
    await offers.withdraw_all(session, wish, now, except_id=offer.id)
    if offer.freed_id is not None:
        await _free_rest(session, offer, booked, now)
    others = select(Offer).where(
        Offer.coach_id == offer.coach_id,
        Offer.state == OfferState.OPEN,
        Offer.is_shared,
        Offer.session_id.is_(None),
        # They run out when they start. An index has the few open ones by that.
        Offer.next_step_at < offer.ends_at,
        Offer.next_step_at > offer.starts_at - timedelta(days=1),
        Offer.ends_at > offer.starts_at,
        Offer.id != offer.id,
    )
    for one in await session.scalars(others.order_by(Offer.id).with_for_update()):
        await offers.close(session, one, OfferState.WITHDRAWN, now)


async def _free_rest(session: AsyncSession, offer: Offer, booked: CoachingSession, now: datetime) -> None:
    """Offer what's left of the time to the line, as time of its own."""
    whole = await session.get(FreedTime, offer.freed_id, with_for_update=True)
    if whole is None or whole.is_new_hours:
        return
    taken = [
        (one.starts_at, one.ends_at)
        for one in await reservations.reservations_of(session, booked)
        if one.user_id == offer.coach_id
    ]
    rest = subtract([(whole.starts_at, whole.ends_at)], taken)
    freed_from = whole.freed_from
    offer.freed_id = None
    await session.flush()
    await session.delete(whole)
    await session.flush()
    for starts_at, ends_at in rest:
        if ends_at > now:
            await freed_times.record(session, Freed(offer.coach_id, starts_at, ends_at, freed_from), now)
