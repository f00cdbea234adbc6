"""Coaches who charge in another currency than their server, and how they switch to the server's.

Amounts are never converted: whoever changes the currency enters a new rate. Booked sessions keep their price.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachStatus, Guild, Notification, NotificationKind
from scheduler.core import audit, coaches, members
from scheduler.core.actor import Actor
from scheduler.core.errors import Misconfigured, NotFound
from scheduler.notifications import outbox
from scheduler.parsing.money import parse_rate

_ASKED_AGAIN = timedelta(days=1)
_HERE = (CoachStatus.APPROVED, CoachStatus.PENDING)


async def others(session: AsyncSession, guild: Guild) -> list[Coach]:
    """List the coaches and applicants who charge in another currency than the server's."""
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


async def ask(session: AsyncSession, guild: Guild, actor: Actor, now: datetime) -> int:
    """Ask these coaches for a rate in the server's currency. Returns how many were asked.

    Skips those who were asked within the last day. Raises NotAllowed.
    """
    actor.must_be_admin()
    asked = set(
        await session.scalars(
            select(Notification.user_id).where(
                Notification.guild_id == guild.id,
                Notification.kind == NotificationKind.CURRENCY_CHANGED,
                Notification.created_at > now - _ASKED_AGAIN,
            )
        )
    )
    asking = [coach for coach in await others(session, guild) if coach.user_id not in asked]
    for coach in asking:
        kind, user_id = NotificationKind.CURRENCY_CHANGED, coach.user_id
        outbox.enqueue(session, kind, guild.id, now=now, user_id=user_id, coach_id=user_id)
    if asking:
        details = {"currency": guild.currency, "coaches": len(asking)}
        audit.record(session, guild.id, "currency_asked", at=now, actor_id=actor.user_id, details=details)
    return len(asking)


async def set_rate(
    session: AsyncSession, guild: Guild, actor: Actor, coach_id: int, typed: str, now: datetime
) -> Coach:
    """Set a coach's rate in the server's currency for an admin, and tell the coach.

    Only for coaches who charge in another currency. Raises NotAllowed, NotFound, Misconfigured, Unreadable.
    """
    actor.must_be_admin()
    await members.lock(session, coach_id)  # so that a booking sees either the old rate or the new one
    coach = await session.get(Coach, (guild.id, coach_id), with_for_update=True)
    if coach is None or coach.status not in _HERE:
        raise NotFound(coaches.NO_SUCH_COACH)
    if coach.currency == guild.currency:
        raise Misconfigured(f"They already charge in {guild.currency}. Coaches change rates in `/coach edit`.")
    before = rate_of(coach)
    coach.rate_minor, coach.currency = parse_rate(typed, guild.currency), guild.currency
    outbox.enqueue(session, NotificationKind.RATE_SET, guild.id, now=now, user_id=coach_id, coach_id=coach_id)
    if (card := await outbox.application_card(session, guild.id, coach_id)) is not None:
        outbox.requeue(card, now)
    audit.record(
        session,
        guild.id,
        "rate_set",
        at=now,
        actor_id=actor.user_id,
        coach_id=coach_id,
        details=changed(before, rate_of(coach)),
    )
    return coach


def rate_of(coach: Coach) -> tuple[int, str]:
    """The hourly rate in minor units, and its currency."""
    return coach.rate_minor, coach.currency


def changed(before: tuple[int, str], after: tuple[int, str]) -> dict[str, int | str]:
    """The details that the audit log keeps of a changed rate."""
    details: dict[str, int | str] = {"rate_minor_before": before[0], "rate_minor": after[0]}
    return details if before[1] == after[1] else details | {"currency_before": before[1], "currency": after[1]}
