"""The time zone in which a person reads times."""

from sqlalchemy.ext.asyncio import AsyncSession

from scheduler.core import members
from scheduler.time.time_zones import is_known


async def zone_name_of(session: AsyncSession, user_id: int, otherwise: str) -> str:
    """The time zone to show this person: their own choice, else `otherwise`, else UTC.

    Skips zones that this host doesn't know.
    """
    chosen = await members.chosen_zone(session, user_id)
    return next((name for name in (chosen, otherwise) if name and is_known(name)), "UTC")
