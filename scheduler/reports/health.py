"""Check the health of one server: what's late, what fails, and which alerts are open."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    UNDECIDED,
    Alert,
    Coach,
    CoachingSession,
    CoachStatus,
    Guild,
    Heartbeat,
    Notification,
    Payment,
    Refund,
    RefundStatus,
    SessionStatus,
    Workshop,
)
from models.job_run import TICK
from scheduler.core.actor import Actor
from scheduler.reports import waiting_list, workshops
from scheduler.reports.odd_prices import OddPrice, list_odd
from scheduler.time.time_zones import is_known

LATE = timedelta(minutes=2)
"""Anything overdue by this much is late. Ticks are far more frequent."""
LATELY = timedelta(days=7)
_MAX_LISTED = 5
_OVER = (SessionStatus.COMPLETED, SessionStatus.NO_SHOW)
HAD_ROOM = CoachingSession.status.in_(_OVER) & CoachingSession.missed_at.is_(None)
"""Matches sessions that are over and whose room was opened."""
HAD_NO_ROOM = CoachingSession.missed_at.is_not(None)
"""Matches sessions whose room wasn't opened, including those reported later as not having taken place."""


class Health(NamedTuple):
    """A server's figures, and the first few of each kind of failure."""

    last_tick_at: datetime | None
    next_step_at: datetime | None
    """When the next step of any session is due."""
    upcoming: int
    late_steps: int
    failing: list[CoachingSession]
    waiting: int
    """Messages that are due now."""
    late_messages: int
    undeliverable: int
    """Messages of the last week that couldn't reach anyone."""
    without_role: list[Coach]
    """Coaches who couldn't be given the role."""
    without_zone: list[Coach]
    """Coaches nobody can book, because this host doesn't know their time zone."""
    with_room: int
    """Sessions of the last week whose room was opened."""
    without_room: int
    """Sessions of the last week whose room wasn't opened."""
    alerts: list[Alert]
    """Alerts that are still open."""
    failing_payments: list[Payment]
    """Payments that Stripe couldn't be asked about."""
    refunds_owed: int
    refunds_failed: list[Payment]
    """Payments that couldn't be paid back."""
    odd_prices: list[OddPrice]
    """What can't be paid by card although cards are taken."""
    on_waiting_list: int
    """People who wait for something."""
    overdue_offers: int
    """Offers that should have run out, and times that should have been offered."""
    overdue_workshops: int
    """Workshops on which something should have been decided or done."""
    failing_events: Sequence[Workshop]
    """Workshops whose scheduled event can't be made, changed or removed."""


async def inspect_health(session: AsyncSession, guild_id: int, actor: Actor, now: datetime) -> Health:
    """Return the health of a server, for its admins. Raises NotAllowed."""
    actor.must_be_admin()
    step, due = CoachingSession.next_step_at, Notification.due_at
    here, told_here = CoachingSession.guild_id == guild_id, Notification.guild_id == guild_id
    unsent = Notification.sent_at.is_(None)  # updates of sent messages can wait
    lately = CoachingSession.starts_at > now - LATELY
    failing = select(CoachingSession).where(step.is_not(None), here, CoachingSession.last_error.is_not(None))
    without_role = select(Coach).where(
        Coach.guild_id == guild_id, Coach.status == CoachStatus.APPROVED, Coach.role_error.is_not(None)
    )
    alerts = select(Alert).where(Alert.guild_id == guild_id, Alert.fixed_at.is_(None))
    payments = select(Payment).where(Payment.guild_id == guild_id).order_by(Payment.id.desc()).limit(_MAX_LISTED)
    refunded = payments.join(Refund, Refund.payment_id == Payment.id)
    payment_fails = Payment.status.in_(UNDECIDED), Payment.last_error.is_not(None)

    async def count(*which: ColumnElement[bool]) -> int:
        return await session.scalar(select(func.count()).where(*which)) or 0

    return Health(
        last_tick_at=await last_tick_at(session),
        next_step_at=await session.scalar(select(func.min(step)).where(step.is_not(None), here)),
        upcoming=await count(
            here, CoachingSession.status == SessionStatus.SCHEDULED, CoachingSession.starts_at > now
        ),
        late_steps=await count(step.is_not(None), step <= now - LATE, here),
        failing=list(await session.scalars(failing.order_by(CoachingSession.starts_at).limit(_MAX_LISTED))),
        waiting=await count(due.is_not(None), due <= now, unsent, told_here),
        late_messages=await count(due.is_not(None), due <= now - LATE, unsent, told_here),
        undeliverable=await count(told_here, Notification.undeliverable_at > now - LATELY),
        without_role=list(await session.scalars(without_role.order_by(Coach.user_id).limit(_MAX_LISTED))),
        without_zone=await _without_zone(session, guild_id),
        with_room=await count(here, lately, HAD_ROOM),
        without_room=await count(here, lately, HAD_NO_ROOM),
        alerts=list(await session.scalars(alerts.order_by(Alert.since).limit(_MAX_LISTED))),
        failing_payments=list(await session.scalars(payments.where(*payment_fails))),
        refunds_owed=await count(
            Refund.payment_id == Payment.id,
            Payment.guild_id == guild_id,
            Refund.status == RefundStatus.OWED,
            # Until then, whoever paid can keep it as credit.
            or_(Refund.next_try_at.is_(None), Refund.next_try_at <= now, Refund.tried_at.is_not(None)),
        ),
        refunds_failed=list(await session.scalars(refunded.where(Refund.status == RefundStatus.FAILED))),
        odd_prices=await _odd_prices(session, guild_id),
        on_waiting_list=await waiting_list.count_waiting(session, guild_id),
        overdue_offers=await waiting_list.count_overdue(session, guild_id, now - LATE),
        overdue_workshops=await workshops.count_overdue(session, guild_id, now - LATE),
        failing_events=await workshops.list_failing(session, guild_id, _MAX_LISTED),
    )


async def _odd_prices(session: AsyncSession, guild_id: int) -> list[OddPrice]:
    guild = await session.get(Guild, guild_id)
    return await list_odd(session, guild) if guild is not None else []


async def last_tick_at(session: AsyncSession) -> datetime | None:
    """Return when the last tick ended (UTC), even an idle one, or None if there hasn't been one."""
    return await session.scalar(select(Heartbeat.at).where(Heartbeat.job == TICK))


def longest_silence(interval: timedelta) -> timedelta:
    """Return how old the last tick can get before the loop counts as stuck, if one starts every `interval`."""
    return 4 * interval + timedelta(seconds=60)


async def _without_zone(session: AsyncSession, guild_id: int) -> list[Coach]:
    approved = Coach.guild_id == guild_id, Coach.status == CoachStatus.APPROVED
    names = await session.scalars(select(Coach.time_zone).where(*approved).distinct())
    if not (unknown := [name for name in names if not is_known(name)]):
        return []
    theirs = select(Coach).where(*approved, Coach.time_zone.in_(unknown)).order_by(Coach.user_id)
    return list(await session.scalars(theirs.limit(_MAX_LISTED)))


async def lines_of_server(session: AsyncSession, guild_id: int, lines: Collection[str]) -> list[str]:
    """Return the lines of a tick's report whose session codes belong to this server."""
    codes = {line.split(" ", 1)[0] for line in lines}
    known = select(CoachingSession.code).where(
        CoachingSession.code.in_(codes), CoachingSession.guild_id == guild_id
    )
    ours = set(await session.scalars(known))
    return [line for line in lines if line.split(" ", 1)[0] in ours]
