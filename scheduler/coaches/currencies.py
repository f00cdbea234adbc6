"""Coaches whose rates aren't in the server's currency, and how they switch to it.

Amounts are never converted: changing the currency takes a new rate. Booked sessions keep their price.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachStatus, Guild, Notification, NotificationKind, PaymentMode
from scheduler.core import audit, coaches, members
from scheduler.core.actor import Actor
from scheduler.core.errors import Misconfigured, NotFound
from scheduler.notifications import outbox
from scheduler.parsing import card_amounts
from scheduler.parsing.money import parse_rate

_ASKED_AGAIN = timedelta(days=1)
_HERE = (CoachStatus.APPROVED, CoachStatus.PENDING)


async def with_other_currency(session: AsyncSession, guild: Guild) -> list[Coach]:
    """List the coaches and applicants whose rates aren't in the server's currency."""
    found = await session.scalars(
        select(Coach)
        .where(
            Coach.guild_id == guild.id,
            Coach.status.in_(_HERE),
            Coach.left_at.is_(None),
            Coach.currency != guild.currency,
            Coach.rate_minor > 0,
        )
        .order_by(Coach.user_id)
    )
    return list(found)


async def ask_for_new_rates(session: AsyncSession, guild: Guild, actor: Actor, now: datetime) -> int:
    """Ask these coaches for a rate in the server's currency, at most once a day. Returns how many were asked.

    Raises NotAllowed.
    """
    actor.must_be_admin()
    recently = select(Notification.user_id).where(
        Notification.guild_id == guild.id,
        Notification.kind == NotificationKind.CURRENCY_CHANGED,
        Notification.created_at > now - _ASKED_AGAIN,
    )
    asked = set(await session.scalars(recently))
    asking = [coach for coach in await with_other_currency(session, guild) if coach.user_id not in asked]
    for coach in asking:
        outbox.enqueue_to_coach(session, NotificationKind.CURRENCY_CHANGED, guild.id, coach.user_id, now)
    if asking:
        details = {"currency": guild.currency, "coaches": len(asking)}
        audit.record(session, guild.id, "currency_asked", at=now, actor_id=actor.user_id, details=details)
    return len(asking)


async def set_rate(
    session: AsyncSession, guild: Guild, actor: Actor, coach_id: int, typed: str, now: datetime
) -> Coach:
    """Set a coach's rate in the server's currency, and tell them. Only for rates in another currency.

    Raises NotAllowed, NotFound, Misconfigured, Unreadable.
    """
    actor.must_be_admin()
    await members.lock(session, coach_id)  # so that a booking sees either the old rate or the new one
    coach = await session.get(Coach, (guild.id, coach_id), with_for_update=True)
    if coach is None or coach.status not in _HERE:
        raise NotFound(coaches.NO_SUCH_COACH)
    if coach.currency == guild.currency:
        raise Misconfigured(f"They already charge in {guild.currency}. Coaches change rates in `/coach edit`.")
    before = rate_of(coach)
    rate = parse_rate(typed, guild.currency)
    if guild.payment_mode is not PaymentMode.OFF:
        card_amounts.check_rate(rate, guild.currency, coach.durations_minutes)
    coach.rate_minor, coach.currency = rate, guild.currency
    outbox.enqueue_to_coach(session, NotificationKind.RATE_SET, guild.id, coach_id, now)
    await outbox.requeue_application_card(session, guild.id, coach_id, now)
    details = audit_details(before, rate_of(coach))
    audit.record(session, guild.id, "rate_set", at=now, actor_id=actor.user_id, coach_id=coach_id, details=details)
    return coach


def rate_of(coach: Coach) -> tuple[int, str]:
    """Return the hourly rate in minor units, and its currency."""
    return coach.rate_minor, coach.currency


def audit_details(before: tuple[int, str], after: tuple[int, str]) -> dict[str, int | str]:
    """Return the audit log's details of a changed rate."""
    return {
        "rate_minor_before": before[0],
        "currency_before": before[1],
        "rate_minor": after[0],
        "currency": after[1],
    }
