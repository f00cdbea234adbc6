"""How something can be paid for: credit, card, or as the server's payment instructions say."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, Guild, PaymentMode, Workshop
from scheduler.core.errors import NotBookable
from scheduler.credits import ledger
from scheduler.parsing import card_amounts
from scheduler.parsing.money import price
from scheduler.payments.ports import Stripe
from scheduler.waiting_list.line import Match
from scheduler.workshops import seats

LEAST_NOTICE = timedelta(minutes=40)
"""How long before the start somebody can begin to pay."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways in which a student can pay for one session."""

    cost_minor: int
    currency: str
    minutes: int
    credit: int
    """The student's minutes that can be used for it."""
    by_card: bool
    """Whether it can be paid by card."""
    otherwise: bool
    """Whether it can be booked now and paid as the instructions say."""
    is_too_odd: bool = False
    """Whether cards are taken here, but can't be charged this price."""

    @property
    def by_credit(self) -> bool:
        """Whether there's enough credit. Nobody uses it for what's free."""
        return bool(self.cost_minor) and self.credit >= self.minutes


async def ways_to_pay(
    session: AsyncSession,
    guild: Guild,
    coach: Coach,
    student_id: int,
    starts_at: datetime,
    duration: timedelta,
    now: datetime,
    stripe: Stripe | None,
    *,
    told: tuple[int, str] | None = None,
) -> Ways:
    """Return how a student can pay for a session, by the rules with which it's booked.

    `told` is the price if it's another than the coach's, in minor units of a currency.
    """
    cost, currency = told or (price(coach.rate_minor, duration), coach.currency)
    lots = await ledger.lots_of(session, guild.id, student_id, valid_at=starts_at) if cost else []
    usable = await ledger.usable_for(session, lots, coach)
    takes, can_charge = takes_cards(guild, stripe), card_amounts.can_charge(cost, currency)
    return Ways(
        cost,
        currency,
        duration // timedelta(minutes=1),
        ledger.minutes_in(usable),
        by_card=takes and can_charge and can_still_pay(starts_at, now),
        otherwise=not can_charge or not requires_cards(guild, stripe),
        is_too_odd=bool(cost) and takes and not can_charge,
    )


async def ways_for_seat(
    session: AsyncSession, guild: Guild, workshop: Workshop, user_id: int, now: datetime, stripe: Stripe | None
) -> Ways:
    """Return how somebody can pay for a seat in a workshop.

    It's free for someone who has paid for one before, and left too late to get that back.
    """
    row = workshop.session
    coach = await session.get_one(Coach, (guild.id, row.coach_id))
    told = seats.cost_of(workshop, user_id), row.currency
    asked = user_id, row.starts_at, row.duration, now
    found = await ways_to_pay(session, guild, coach, *asked, stripe, told=told)
    return found if workshop.takes_credit else replace(found, credit=0)


def takes_cards(guild: Guild, stripe: Stripe | None) -> bool:
    """Whether this server takes payments by card now."""
    return stripe is not None and guild.payment_mode is not PaymentMode.OFF


def requires_cards(guild: Guild, stripe: Stripe | None) -> bool:
    """Whether what costs something can only be paid by card here."""
    return stripe is not None and guild.payment_mode is PaymentMode.REQUIRED


def check_otherwise(guild: Guild, cost_minor: int, currency: str, stripe: Stripe | None) -> None:
    """Raise NotBookable if this can't be booked now and paid later. What cards can't be charged always can."""
    if requires_cards(guild, stripe) and card_amounts.can_charge(cost_minor, currency):
        raise NotBookable("This server takes payment by card before it books. Choose the time again to pay.")


async def can_pay(stripe: Stripe | None, session: AsyncSession, match: Match, now: datetime) -> bool:
    """Return whether someone in the waiting list's line could pay for a time if they were offered it now."""
    if not requires_cards(match.guild, stripe) or can_still_pay(match.starts_at, now):
        return True
    user_id = match.wish.user_id
    if match.workshop is not None:
        found = await ways_for_seat(session, match.guild, match.workshop, user_id, now, stripe)
    else:
        asked = user_id, match.starts_at, match.duration, now
        found = await ways_to_pay(session, match.guild, match.coach, *asked, stripe)
    return not found.cost_minor or found.by_credit or found.otherwise


def can_still_pay(starts_at: datetime, now: datetime) -> bool:
    """Whether there's time to pay for a session before it starts."""
    return starts_at - now >= LEAST_NOTICE
