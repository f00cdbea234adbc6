"""The time zone people see times in."""

from sqlalchemy.ext.asyncio import AsyncSession

from scheduler.core import members
from scheduler.time.time_zones import is_known


async def zone_name_of(session: AsyncSession, user_id: int, otherwise: str) -> str:
    """Return the person's own choice, else `otherwise`, else UTC, skipping zones this host doesn't know."""
    chosen = await members.chosen_zone(session, user_id)
    return next((name for name in (chosen, otherwise) if name and is_known(name)), "UTC")
