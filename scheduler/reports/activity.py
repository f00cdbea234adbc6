"""Page through a server's sessions and its audit log, for admins."""

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, CoachingSession, SessionStatus
from scheduler.core.actor import Actor
from scheduler.core.pages import Page


async def list_sessions(
    session: AsyncSession,
    guild_id: int,
    actor: Actor,
    *,
    status: SessionStatus | None = None,
    user_id: int | None = None,
    page: int,
    size: int,
) -> Page[CoachingSession]:
    """Return a page of the server's sessions, latest first, filtered by status and by coach or student.

    Raises NotAllowed.
    """
    actor.must_be_admin()
    query = select(CoachingSession).where(CoachingSession.guild_id == guild_id)
    if status is not None:
        query = query.where(CoachingSession.status == status)
    if user_id is not None:
        query = query.where(or_(CoachingSession.coach_id == user_id, CoachingSession.has_participant(user_id)))
    latest = query.order_by(CoachingSession.starts_at.desc(), CoachingSession.id.desc())
    found = list(await session.scalars(latest.offset(page * size).limit(size + 1)))
    return Page(found[:size], has_more=len(found) > size)


async def list_audit_entries(
    session: AsyncSession, guild_id: int, actor: Actor, *, user_id: int | None = None, page: int, size: int
) -> Page[tuple[AuditEntry, str | None]]:
    """Return a page of the audit log, newest first, each entry with its session's code.

    `user_id` limits it to entries by or about that person. Raises NotAllowed.
    """
    actor.must_be_admin()
    query = (
        select(AuditEntry, CoachingSession.code)
        .outerjoin(CoachingSession, CoachingSession.id == AuditEntry.session_id)
        .where(AuditEntry.guild_id == guild_id)
    )
    if user_id is not None:
        about = (AuditEntry.actor_id, AuditEntry.coach_id, AuditEntry.member_id)
        query = query.where(or_(*(column == user_id for column in about)))
    newest = query.order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    found = [(one, code) for one, code in await session.execute(newest.offset(page * size).limit(size + 1))]
    return Page(found[:size], has_more=len(found) > size)
