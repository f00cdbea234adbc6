"""Whether somebody could take what's offered to them."""

from datetime import datetime, timedelta

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import BlockedFrom, Guild, Hold, HoldPurpose, Reservation
from scheduler.booking import blocks, eligibility
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable


async def check(
    session: AsyncSession, guild: Guild, actor: Actor, starts_at: datetime, ends_at: datetime, now: datetime
) -> None:
    """Raise what keeps a student from `[starts_at, ends_at)`: a block, a limit, or another session then."""
    await blocks.require_unblocked(session, guild.id, actor.user_id, BlockedFrom.BOOKING)
    await eligibility.check_upcoming(session, guild, actor, now)
    # What they're choosing makes way.
    stays = and_(Hold.expires_at > now, (Hold.purpose != HoldPurpose.CHOOSING) | (Hold.guild_id != guild.id))
    overlapping = (
        select(Reservation.id)
        .outerjoin(Hold, Hold.id == Reservation.hold_id)
        .where(
            Reservation.user_id == actor.user_id,
            Reservation.starts_at < ends_at,
            Reservation.starts_at > starts_at - timedelta(days=1),
            Reservation.ends_at > starts_at,
            Hold.id.is_(None) | stays,
        )
    )
    if await session.scalar(overlapping.limit(1)) is not None:
        raise NotBookable(
            "You have another session at that time. Reschedule or cancel it first, or press **Pass**."
        )
