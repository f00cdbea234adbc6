"""Finding a session for the people it concerns."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Workshop
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound


async def find_visible(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int | None, *, lock: bool = False
) -> CoachingSession:
    """Return the session to its coach, its participants and admins of its server. Raises NotFound to others.

    Without `guild_id`, admins don't see it either. Whoever gave up their place still sees it.
    """
    found = await session.get(CoachingSession, session_id, with_for_update=lock, populate_existing=lock)
    if found is not None and (actor.user_id == found.coach_id or found.participant(actor.user_id) is not None):
        return found
    if found is not None and actor.is_admin and guild_id == found.guild_id:
        return found
    raise NotFound("You have no such session. `/sessions` lists yours.")


async def shared_guild_id(session: AsyncSession, coach_id: int, student_id: int) -> int | None:
    """Return the server of the last session between these two that changed; None if they had none."""
    theirs = CoachingSession.coach_id == coach_id, CoachingSession.has_participant(student_id)
    return await session.scalar(
        select(CoachingSession.guild_id)
        .where(*theirs)
        .order_by(CoachingSession.updated_at.desc(), CoachingSession.id.desc())
        .limit(1)
    )


async def workshops_of(session: AsyncSession, rows: Collection[CoachingSession]) -> Mapping[int, Workshop]:
    """Return, by session id, what those of these sessions that are workshops add. Asks nothing if none is."""
    ids = [one.id for one in rows if one.is_workshop]
    if not ids:
        return {}
    found = await session.scalars(select(Workshop).where(Workshop.session_id.in_(ids)))
    return {one.session_id: one for one in found}
