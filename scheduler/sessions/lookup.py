"""Finding a session for the people it concerns."""

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound


async def find_visible(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int | None, *, lock: bool = False
) -> CoachingSession:
    """Return the session to its coach, its student and admins of its server. Raises NotFound to everyone else."""
    found = await session.get(CoachingSession, session_id, with_for_update=lock, populate_existing=lock)
    if found is not None and actor.user_id in (found.coach_id, found.student_id):
        return found
    if found is not None and actor.is_admin and guild_id == found.guild_id:
        return found
    raise NotFound("You have no such session. `/sessions` lists yours.")
