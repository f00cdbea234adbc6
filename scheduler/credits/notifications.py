"""Notifications about credit."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import CreditDispute, CreditLot, NotificationKind, Package, PackageOrder, Payment
from scheduler.attendance import attendance
from scheduler.attendance.attendance import Presence
from scheduler.core import members
from scheduler.credits import ledger, lessons, statements
from scheduler.credits.lessons import Unpaid
from scheduler.credits.orders import Ordered
from scheduler.credits.statements import Facts
from scheduler.notifications.kinds import Audience, Declaration, NotificationContext
from scheduler.sessions import charge_standing


class LotDetails(NamedTuple):
    """A lot, with what it refers to."""

    lot: CreditLot
    facts: Facts
    coaches: Mapping[int, str]
    """Names of the coaches it's for, and of the one of the session that it stands for."""


class DisputeDetails(NamedTuple):
    """A dispute, and who was in the room."""

    dispute: CreditDispute
    attended: Mapping[int, Presence]
    payment: Payment | None = None
    """What was paid by card, if it's about that."""


async def _lot(session: AsyncSession, context: NotificationContext, _now: datetime) -> LotDetails | None:
    lot_id = context.notification.lot_id
    lot = await session.get(CreditLot, lot_id) if lot_id is not None else None
    if lot is None:
        return None
    facts = await statements.facts_of(session, lot.guild_id, [lot])
    involved = {*(lot.coach_ids or ()), *(one.coach_id for one in facts.sessions.values())}
    return LotDetails(lot, facts, await members.stored_names(session, lot.guild_id, involved))


async def _order(session: AsyncSession, context: NotificationContext, _now: datetime) -> Ordered | None:
    order_id = context.notification.order_id
    order = await session.get(PackageOrder, order_id) if order_id is not None else None
    return Ordered(order, await session.get_one(Package, order.package_id)) if order is not None else None


async def _lesson(session: AsyncSession, context: NotificationContext, now: datetime) -> Unpaid | None:
    return await lessons.unpaid(session, context.about_session, now)


def _unless_paid(context: NotificationContext, _now: datetime) -> str | None:
    """Drop what's about a lesson that is paid for, or that nobody has to pay for any more."""
    return "there's nothing to pay" if context.details is None else None


def _while_some_is_left(context: NotificationContext, now: datetime) -> str | None:
    details: LotDetails | None = context.details
    lot = details and details.lot
    is_useful = lot is not None and lot.minutes_left and lot.valid_until is not None and lot.valid_until > now
    return None if is_useful else "nothing is left of that credit"


async def _minutes_left(session: AsyncSession, context: NotificationContext, now: datetime) -> int:
    user_id = context.notification.user_id or 0
    return ledger.minutes_in(await ledger.lots_of(session, context.guild.id, user_id, valid_at=now))


async def _dispute(session: AsyncSession, context: NotificationContext, now: datetime) -> DisputeDetails | None:
    about = context.about_session
    seat = about.participant_or_only(context.notification.about_user_id)
    found = seat and await session.get(CreditDispute, (about.id, seat.user_id))
    if found is None:
        return None
    return DisputeDetails(
        found, await attendance.attended(session, about, now), await _payment(session, context, now)
    )


async def _payment(session: AsyncSession, context: NotificationContext, now: datetime) -> Payment | None:
    about = context.about_session
    found = await charge_standing.standings(session, [about], context.notification.about_user_id, now)
    standing = found.get(about.id)
    return standing.payment if standing is not None else None


def _dispute_is_open(context: NotificationContext) -> bool:
    details: DisputeDetails | None = context.details
    return details is not None and details.dispute.decided_at is None


def _order_is_open(context: NotificationContext) -> bool:
    ordered: Ordered | None = context.details
    return ordered is not None and ordered.order.decided_at is None


KINDS = (
    Declaration(NotificationKind.CREDITS_GRANTED, details=_lot),
    Declaration(NotificationKind.CREDITS_LOW, details=_minutes_left),
    Declaration(NotificationKind.CREDITS_ENDING, still_needed=_while_some_is_left, details=_lot),
    Declaration(
        NotificationKind.LESSON_CREDIT_SHORT, still_needed=_unless_paid, details=_lesson, follows_session=True
    ),
    Declaration(NotificationKind.LESSON_TO_PAY, still_needed=_unless_paid, details=_lesson, follows_session=True),
    Declaration(NotificationKind.CHARGE_WAIVED, details=_payment),
    Declaration(
        NotificationKind.DISPUTE_CARD, Audience.REVIEW_CHANNEL, details=_dispute, awaits_decision=_dispute_is_open
    ),
    Declaration(NotificationKind.DISPUTE_DECIDED, details=_dispute),
    Declaration(
        NotificationKind.ORDER_CARD, Audience.REVIEW_CHANNEL, details=_order, awaits_decision=_order_is_open
    ),
    Declaration(NotificationKind.ORDER_DECLINED, details=_order),
)
