"""Finding a session for somebody whom it concerns."""

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound


async def visible(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int | None, *, lock: bool = False
) -> CoachingSession:
    """The session, for its coach, its student and admins of its server. Raises NotFound to everybody else."""
    found = await session.get(CoachingSession, session_id, with_for_update=lock, populate_existing=lock)
    if found is None or not _concerns(found, actor, guild_id):
        raise NotFound("You have no such session. `/sessions` lists yours.")
    return found


def _concerns(row: CoachingSession, actor: Actor, guild_id: int | None) -> bool:
    """For everybody else it does not exist, as far as they learn."""
    return actor.user_id in (row.coach_id, row.student_id) or (actor.is_admin and guild_id == row.guild_id)
