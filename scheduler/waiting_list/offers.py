"""Offers: making them, and what becomes of them."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    BlockedFrom,
    FreedTime,
    Hold,
    HoldPurpose,
    Notification,
    NotificationKind,
    Offer,
    OfferState,
    Wish,
    WishEnd,
)
from scheduler.booking import blocks, releases, reservations
from scheduler.booking.releases import Barred
from scheduler.core import audit, members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, TooLate
from scheduler.notifications import outbox
from scheduler.time.time_zones import zone
from scheduler.waiting_list import freed as freed_times
from scheduler.waiting_list import rules, wishes
from scheduler.waiting_list.line import Match

_SPARE = timedelta(minutes=5)
"""How much longer the time is kept, so that it's offered to the next person before everybody can book it."""


async def make(
    session: AsyncSession, match: Match, found: FreedTime, now: datetime, *, is_shared: bool
) -> Offer | None:
    """Offer a time to someone, and hold it for them unless it's shared. Returns None if it isn't free after all.

    The coach must be locked. The student's own time is taken only when they accept. A seat needs no hold: it's
    kept as long as it's in line, and they can take it while their offer is open.
    """
    starts_at = match.starts_at
    until = starts_at if is_shared else rules.held_until(starts_at, now, zone(match.zone_name))
    held = None
    if match.workshop is None and not is_shared:
        held = await _hold(session, match, until)
        if held is None:
            return None
    cost_minor, currency = match.cost
    offer = Offer(
        guild_id=match.guild.id,
        user_id=match.wish.user_id,
        coach_id=match.coach.user_id,
        wish_id=match.wish.id,
        freed_id=found.id,
        hold_id=held.id if held is not None else None,
        session_id=found.session_id,
        starts_at=starts_at,
        ends_at=match.ends_at,
        is_shared=is_shared,
        cost_minor=cost_minor,
        currency=currency,
        state=OfferState.OPEN,
        offered_at=now,
        expires_at=until,
        next_step_at=until,
    )
    session.add(offer)
    await session.flush()
    outbox.enqueue(
        session,
        NotificationKind.TIME_OFFERED,
        offer.guild_id,
        now=now,
        user_id=offer.user_id,
        coach_id=offer.coach_id,
        offer_id=offer.id,
    )
    what = "time" if match.workshop is None else "seat"
    _record(session, offer, f"{what}_told" if is_shared else f"{what}_offered", now)
    return offer


async def _hold(session: AsyncSession, match: Match, until: datetime) -> Hold | None:
    held = Hold(
        guild_id=match.guild.id,
        coach_id=match.coach.user_id,
        student_id=match.wish.user_id,
        starts_at=match.starts_at,
        ends_at=match.ends_at,
        purpose=HoldPurpose.OFFER,
        expires_at=min(until + _SPARE, match.starts_at),
    )
    session.add(held)
    await session.flush()
    if await reservations.reserve_coach(session, match.coach, match.starts_at, match.duration, hold_id=held.id):
        return held
    await releases.drop(session, held.id)
    return None


async def find(session: AsyncSession, offer_id: int, actor: Actor) -> Offer:
    """Return an offer to whom it was made. Raises NotFound to everyone else."""
    found = await session.get(Offer, offer_id)
    if found is None or found.user_id != actor.user_id:
        raise NotFound("You have no such offer. `/sessions` lists your sessions and what you're waiting for.")
    return found


async def lock_open(session: AsyncSession, offer_id: int, actor: Actor, now: datetime) -> Offer:
    """Lock an offer that can be answered, and its two people. Raises NotFound, TooLate."""
    found = await find(session, offer_id, actor)
    offer = await lock(session, found)
    if offer.state is OfferState.PAYING:
        raise TooLate("You're already paying for this. `/sessions` shows where.")
    if offer.state is not OfferState.OPEN or now >= offer.expires_at:
        raise TooLate("This offer is over. You keep your place in line unless you've stopped waiting.")
    return offer


async def is_for_seat(session: AsyncSession, offer: Offer) -> bool:
    """Return whether a seat in a workshop is offered, and not a coach's time."""
    return (await session.get_one(Wish, offer.wish_id)).session_id is not None


def mark_paying(offer: Offer, hold_id: int) -> None:
    """Record that an open offer is being paid for, and what keeps it until then."""
    offer.state, offer.hold_id, offer.next_step_at = OfferState.PAYING, hold_id, None


async def stop(session: AsyncSession, wish_id: int, actor: Actor, now: datetime) -> Wish:
    """End a wish for its student, with its open offers. Raises NotFound, AlreadyDecided."""
    wish = await wishes.lock_own(session, wish_id, actor)
    wishes.mark_ended(session, wish, WishEnd.STOPPED, now, actor_id=actor.user_id)
    await withdraw_all(session, wish, now)
    return wish


async def end_barred(session: AsyncSession, barred: Barred, now: datetime) -> None:
    """End the offers to someone who can't book here any more, and those of a coach who can't coach here any more.

    They must be locked. A block also ends what they wait for. Whoever left keeps their place in line.
    """
    guild_id, user_id = barred.guild_id, barred.user_id
    if barred.as_student and await blocks.find(session, guild_id, user_id, BlockedFrom.BOOKING) is not None:
        for wish in await wishes.open_wishes(session, [guild_id], user_id):
            wishes.mark_ended(session, wish, WishEnd.BLOCKED, now)
    sides = ((barred.as_coach, Offer.coach_id), (barred.as_student, Offer.user_id))
    theirs = or_(*(column == user_id for is_barred, column in sides if is_barred))
    is_open = Offer.guild_id == guild_id, theirs, Offer.closed_at.is_(None)
    for offer in await session.scalars(select(Offer).where(*is_open).order_by(Offer.id).with_for_update()):
        await close(session, offer, OfferState.WITHDRAWN, now)


async def lapse(session: AsyncSession, offer_id: int, now: datetime) -> None:
    """Close an offer that ran out. If its student read it and this was too often, their wish ends."""
    offer = await lock(session, await session.get_one(Offer, offer_id))
    if offer.next_step_at is None or offer.next_step_at > now:
        return
    message = await _message_of(session, offer)
    was_sent = message is not None and message.sent_at is not None
    await close(session, offer, OfferState.LAPSED if was_sent else OfferState.UNDELIVERED, now)
    wish = await session.get_one(Wish, offer.wish_id, with_for_update=True)
    if offer.is_shared or not was_sent or wish.ended_at is not None:
        return
    wish.unanswered += 1
    if wish.unanswered >= rules.MOST_UNANSWERED:
        wishes.mark_ended(session, wish, WishEnd.UNANSWERED, now)
        await withdraw_all(session, wish, now)


async def expire(session: AsyncSession, wish_id: int, now: datetime) -> None:
    """End a wish whose time is over, or whose workshop was cancelled. An open offer of time stays open."""
    seen = await session.get_one(Wish, wish_id)
    await members.lock(session, seen.user_id)
    wish = await session.get_one(Wish, wish_id, with_for_update=True, populate_existing=True)
    if wish.next_step_at is None or wish.next_step_at > now:
        return
    if await wishes.is_for_cancelled(session, wish):
        wishes.mark_ended(session, wish, WishEnd.CANCELLED, now)
        await withdraw_all(session, wish, now)
    else:
        wishes.mark_ended(session, wish, WishEnd.EXPIRED, now)


async def mark_undelivered(session: AsyncSession, offer_id: int, now: datetime) -> None:
    """Close an offer whose student can't be messaged, so that the next person gets it at once."""
    offer = await session.get_one(Offer, offer_id, with_for_update=True, populate_existing=True)
    if offer.state is OfferState.OPEN:
        await close(session, offer, OfferState.UNDELIVERED, now)


async def lock(session: AsyncSession, seen: Offer) -> Offer:
    """Lock the people of an offer, then the offer as it is now, in the order that's used everywhere."""
    await members.lock(session, seen.coach_id, seen.user_id)
    return await session.get_one(Offer, seen.id, with_for_update=True, populate_existing=True)


async def withdraw_all(session: AsyncSession, wish: Wish, now: datetime, *, except_id: int | None = None) -> None:
    """Close the open offers of a wish that ended."""
    open_ones = select(Offer).where(
        Offer.wish_id == wish.id, Offer.state == OfferState.OPEN, Offer.id != except_id
    )
    for offer in await session.scalars(open_ones.order_by(Offer.id).with_for_update()):
        await close(session, offer, OfferState.WITHDRAWN, now)


async def close(
    session: AsyncSession, offer: Offer, state: OfferState, now: datetime, *, actor_id: int | None = None
) -> None:
    """Record that an offer is over, free what was held for it, and have the next person looked for."""
    offer.state, offer.closed_at, offer.next_step_at = state, now, None
    if offer.hold_id is not None:
        if offer.is_shared:
            await releases.release(session, offer.hold_id, now)
        else:  # the line goes on
            await releases.drop(session, offer.hold_id)
        offer.hold_id = None
    is_accepted = state in (OfferState.TAKEN, OfferState.RESCHEDULED)
    await freed_times.look_again(session, None if is_accepted else offer.freed_id, now)
    await _update_message(session, offer, now)
    _record(session, offer, f"offer_{state}", now, actor_id=actor_id)


async def _message_of(session: AsyncSession, offer: Offer) -> Notification | None:
    return await session.scalar(select(Notification).where(Notification.offer_id == offer.id).limit(1))


async def _update_message(session: AsyncSession, offer: Offer, now: datetime) -> None:
    """Update the message that made the offer, if it was sent or is being sent. Otherwise it isn't sent."""
    message = await session.scalar(
        select(Notification).where(Notification.offer_id == offer.id).limit(1).with_for_update()
    )
    if message is None or message.undeliverable_at is not None:
        return
    if message.message_id is not None or message.tried_at is not None:
        outbox.requeue(message, now)


def _record(
    session: AsyncSession, offer: Offer, action: str, now: datetime, *, actor_id: int | None = None
) -> None:
    audit.record(
        session,
        offer.guild_id,
        action,
        at=now,
        actor_id=actor_id,
        coach_id=offer.coach_id,
        member_id=offer.user_id,
        session_id=offer.session_id,
    )
