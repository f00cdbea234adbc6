"""Servers the bot was removed from, which it leaves alone until it's back."""

import logging
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Payment, PaymentStatus, Refund, SessionStatus
from models.storage.database import Database
from scheduler.core import audit
from scheduler.core.clock import Clock

log = logging.getLogger(__name__)

REMOVED = "the bot was not in the server"
"""The error of rows that couldn't be processed because of that."""


async def record_removal(session: AsyncSession, guild_id: int, now: datetime) -> None:
    """Record that the bot is no longer in this server. Safe to repeat.

    Other rows are closed only when they become due, so a short absence costs nothing.
    """
    guild = await session.get(Guild, guild_id, with_for_update=True)
    if guild is None or guild.bot_removed_at is not None:
        return
    log.warning("guild %s: the bot was removed; paused until it's back", guild_id)
    guild.bot_removed_at = now
    audit.record(session, guild_id, "bot_removed", at=now)
    if codes := await _paid_ahead(session, guild_id, now):
        log.warning(
            "guild %s: upcoming sessions are paid; `coachbot refund CODE` pays one back: %s",
            guild_id,
            ", ".join(codes),
        )


async def _paid_ahead(session: AsyncSession, guild_id: int, now: datetime) -> list[str]:
    """Return the codes of payments for upcoming sessions, which nobody in the server can pay back now."""
    paid = (
        select(Payment.code)
        .join(CoachingSession, CoachingSession.id == Payment.session_id)
        .outerjoin(Refund, Refund.payment_id == Payment.id)
        .where(
            Payment.guild_id == guild_id,
            Payment.status == PaymentStatus.PAID,
            Refund.id.is_(None),
            CoachingSession.status == SessionStatus.SCHEDULED,
            CoachingSession.starts_at > now,
        )
    )
    return list(await session.scalars(paid.order_by(CoachingSession.starts_at)))


async def record_removal_found(db: Database, clock: Clock, guild_id: int) -> None:
    """Call `record_removal` in a transaction of its own, after Discord said the bot isn't there."""
    async with db.begin() as session:
        await record_removal(session, guild_id, clock())


async def is_removed(session: AsyncSession, guild_id: int) -> bool:
    """Whether the bot is recorded as removed from this server."""
    guild = await session.get(Guild, guild_id)
    return guild is not None and guild.bot_removed_at is not None
