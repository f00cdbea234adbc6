"""How somebody became a coach, and what admins decided about them."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry

DECISIONS = ("application_approved", "application_rejected", "coach_suspended", "coach_reinstated")
"""What admins decide about a coach."""
_OF_A_COACH = ("application_made", "application_edited", "profile_edited", *DECISIONS)


async def coach_history(session: AsyncSession, guild_id: int, coach_id: int) -> list[AuditEntry]:
    """How this person applied, changed their profile and was decided about here, oldest first."""
    found = await session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.guild_id == guild_id,
            AuditEntry.coach_id == coach_id,
            AuditEntry.action.in_(_OF_A_COACH),
        )
        .order_by(AuditEntry.at, AuditEntry.id)
    )
    return list(found)
