"""Notifications about credit."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import CreditDispute, CreditLot, NotificationKind
from scheduler.credits import ledger
from scheduler.notifications.kinds import Audience, Declaration, NotificationContext


async def _lot(session: AsyncSession, context: NotificationContext, _now: datetime) -> CreditLot | None:
    lot_id = context.notification.lot_id
    return await session.get(CreditLot, lot_id) if lot_id is not None else None


def _while_some_is_left(context: NotificationContext, now: datetime) -> str | None:
    lot: CreditLot | None = context.details
    is_useful = lot is not None and lot.minutes_left and lot.valid_until is not None and lot.valid_until > now
    return None if is_useful else "nothing is left of that credit"


async def _minutes_left(session: AsyncSession, context: NotificationContext, now: datetime) -> int:
    user_id = context.notification.user_id or 0
    return ledger.minutes_in(await ledger.lots_of(session, context.guild.id, user_id, valid_at=now))


async def _dispute(session: AsyncSession, context: NotificationContext, _now: datetime) -> CreditDispute | None:
    return await session.get(CreditDispute, context.about_session.id)


KINDS = (
    Declaration(NotificationKind.CREDITS_GRANTED, details=_lot),
    Declaration(NotificationKind.CREDITS_LOW, details=_minutes_left),
    Declaration(NotificationKind.CREDITS_ENDING, still_needed=_while_some_is_left, details=_lot),
    Declaration(NotificationKind.CHARGE_WAIVED),
    Declaration(NotificationKind.DISPUTE_CARD, Audience.REVIEW_CHANNEL, details=_dispute),
    Declaration(NotificationKind.DISPUTE_DECIDED, details=_dispute),
)
