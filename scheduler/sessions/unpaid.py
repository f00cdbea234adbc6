"""Payments for which there's no session: people can still make them, or made them too late."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import UNDECIDED, Coach, Payment, PaymentStatus

_NEWS_FOR = timedelta(days=7)


async def payments_without_session(
    session: AsyncSession, guild_ids: Collection[int], user_id: int, now: datetime
) -> list[tuple[Payment, str | None]]:
    """Return a person's open payments in these servers, oldest first, each with its coach's name, if any.

    With them come those of the last week that were paid when it was too late, for people whom no message reaches.
    """
    coach = (Coach.guild_id == Payment.guild_id) & (Coach.user_id == Payment.coach_id)
    is_lost = and_(
        Payment.status == PaymentStatus.PAID,
        Payment.session_id.is_(None),
        Payment.lot_id.is_(None),
        Payment.paid_at > now - _NEWS_FOR,
    )
    theirs = Payment.guild_id.in_(guild_ids), Payment.user_id == user_id
    found = select(Payment, Coach.display_name).outerjoin(Coach, coach)
    listed = found.where(*theirs, or_(Payment.status.in_(UNDECIDED), is_lost)).order_by(Payment.id)
    return [(payment, name) for payment, name in await session.execute(listed)]
