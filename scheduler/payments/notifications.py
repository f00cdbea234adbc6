"""Notifications about payments."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import NotificationKind, Payment
from scheduler.notifications.kinds import Declaration, NotificationContext


async def _payment(session: AsyncSession, context: NotificationContext, _now: datetime) -> Payment | None:
    payment_id = context.notification.payment_id
    return await session.get(Payment, payment_id) if payment_id is not None else None


KINDS = (
    Declaration(NotificationKind.PAYMENT_OPEN, details=_payment),
    Declaration(NotificationKind.PAYMENT_EXPIRED, details=_payment),
    Declaration(NotificationKind.PAYMENT_TOO_LATE, details=_payment),
    Declaration(NotificationKind.REFUNDED, details=_payment),
)
