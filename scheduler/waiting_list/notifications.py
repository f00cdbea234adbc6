"""Notifications of the waiting list."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, NotificationKind, Offer, OfferState, Wish, Workshop
from scheduler.availability import reader_zone
from scheduler.notifications.kinds import Declaration, NotificationContext
from scheduler.waiting_list import answers, offers


class OfferDetails(NamedTuple):
    """An offer, and what else its student could do with it."""

    offer: Offer
    wish: Wish
    later: CoachingSession | None
    """A session that could be moved to the offered time."""
    zone_name: str
    """The student's."""
    workshop: Workshop | None = None
    """The workshop, if it's a seat."""


class WishDetails(NamedTuple):
    """A wish, on its student's clock."""

    wish: Wish
    zone_name: str
    workshop: Workshop | None = None
    """The workshop, if it's for a seat."""


async def details_of(session: AsyncSession, offer: Offer, guild: Guild, now: datetime) -> OfferDetails:
    """Return an offer with everything that its student reads about it."""
    zone_name = await reader_zone.zone_name_of(session, offer.user_id, guild.time_zone)
    wish = await session.get_one(Wish, offer.wish_id)
    workshop = await _workshop(session, wish)
    later = await answers.find_later(session, offer, now) if workshop is None else None
    return OfferDetails(offer, wish, later, zone_name, workshop)


async def _offer(session: AsyncSession, context: NotificationContext, now: datetime) -> OfferDetails | None:
    offer = await session.get(Offer, context.notification.offer_id or 0)
    return None if offer is None else await details_of(session, offer, context.guild, now)


async def _wish(session: AsyncSession, context: NotificationContext, _now: datetime) -> WishDetails | None:
    wish = await session.get(Wish, context.notification.wish_id or 0)
    if wish is None:
        return None
    zone_name = await reader_zone.zone_name_of(session, wish.user_id, context.guild.time_zone)
    return WishDetails(wish, zone_name, await _workshop(session, wish))


async def _workshop(session: AsyncSession, wish: Wish) -> Workshop | None:
    return await session.get(Workshop, wish.session_id) if wish.session_id is not None else None


def _while_open(context: NotificationContext, now: datetime) -> str | None:
    details: OfferDetails | None = context.details
    is_open = details is not None and details.offer.state is OfferState.OPEN and now < details.offer.expires_at
    return None if is_open else "the offer is over"


async def _next_person(session: AsyncSession, context: NotificationContext, now: datetime) -> None:
    if context.notification.offer_id is not None:
        await offers.mark_undelivered(session, context.notification.offer_id, now)


KINDS = (
    Declaration(
        NotificationKind.TIME_OFFERED, still_needed=_while_open, details=_offer, on_unreachable=_next_person
    ),
    Declaration(NotificationKind.WISH_ENDED, details=_wish),
)
