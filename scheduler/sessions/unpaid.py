"""Payments that people can still make."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import UNDECIDED, Coach, Payment


async def open_payments(
    session: AsyncSession, guild_ids: Collection[int], user_id: int
) -> list[tuple[Payment, str | None]]:
    """Return a person's open payments in these servers, oldest first, each with its coach's name, if any."""
    coach = (Coach.guild_id == Payment.guild_id) & (Coach.user_id == Payment.coach_id)
    theirs = Payment.guild_id.in_(guild_ids), Payment.user_id == user_id, Payment.status.in_(UNDECIDED)
    found = select(Payment, Coach.display_name).outerjoin(Coach, coach).where(*theirs).order_by(Payment.id)
    return [(payment, name) for payment, name in await session.execute(found)]
