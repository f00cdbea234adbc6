"""A coach's history: applications, profile edits and admins' decisions."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry

DECISIONS = ("application_approved", "application_rejected", "coach_suspended", "coach_reinstated")
"""The audit log's actions for admins' decisions about coaches."""
_OF_A_COACH = ("application_made", "application_edited", "profile_edited", *DECISIONS)


async def coach_history(session: AsyncSession, guild_id: int, coach_id: int) -> list[AuditEntry]:
    """List this person's applications, profile edits and decisions here, oldest first."""
    found = await session.scalars(
        select(AuditEntry)
        .where(AuditEntry.guild_id == guild_id, AuditEntry.coach_id == coach_id)
        .where(AuditEntry.action.in_(_OF_A_COACH))
        .order_by(AuditEntry.at, AuditEntry.id)
    )
    return list(found)
