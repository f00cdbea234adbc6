"""Joining the waiting list, unless what somebody wants is on offer to them already."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild, Offer, OfferState, Wish
from scheduler.availability import reader_zone
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.time.time_zones import zone
from scheduler.waiting_list import wishes
from scheduler.waiting_list.rules import Wanted


async def join(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    coach_id: int | None,
    minutes: int,
    wanted: Wanted,
    now: datetime,
) -> Wish | Offer:
    """Put the actor on the waiting list, or return the offer that they haven't answered and that suits.

    Raises as `wishes.add` does.
    """
    await members.lock(session, actor.user_id)
    clock = zone(await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone))
    for offer, wish in await _unanswered(session, guild.id, actor, now):
        is_same = wish.session_id is None and coach_id in (None, offer.coach_id)
        is_same = is_same and offer.ends_at - offer.starts_at == timedelta(minutes=minutes)
        if is_same and wanted.suits(offer.starts_at, offer.ends_at, clock):
            return offer
    return await wishes.add(session, guild, actor, coach_id, minutes, wanted, now)


async def join_for_seat(
    session: AsyncSession, guild_id: int, session_id: int, actor: Actor, now: datetime
) -> Wish | Offer:
    """Put the actor in line for a seat, or return the offer of one that they haven't answered.

    Raises as `wishes.add_for_seat` does.
    """
    await members.lock(session, actor.user_id)
    for offer, wish in await _unanswered(session, guild_id, actor, now):
        if wish.session_id == session_id:
            return offer
    return await wishes.add_for_seat(session, session_id, actor, now)


async def _unanswered(
    session: AsyncSession, guild_id: int, actor: Actor, now: datetime
) -> list[tuple[Offer, Wish]]:
    """Return what's on offer to the actor here or being paid for, soonest first, and the wish behind each."""
    theirs = Wish.guild_id == guild_id, Wish.user_id == actor.user_id, Wish.ended_at.is_(None)
    undecided = (Offer.state == OfferState.PAYING) | (Offer.state == OfferState.OPEN) & (Offer.expires_at > now)
    found = select(Offer, Wish).join(Wish, Wish.id == Offer.wish_id).where(*theirs, undecided)
    return [(offer, wish) for offer, wish in await session.execute(found.order_by(Offer.starts_at, Offer.id))]
