"""Work in a server resumes when the bot is back in it, and missed events are caught up on."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, CoachStatus, Guild, Notification, SessionStatus
from models.storage.database import Database
from scheduler.core import audit
from scheduler.core.clock import Clock
from scheduler.core.row_locks import lock_sessions
from scheduler.notifications import bot_removal, outbox
from scheduler.notifications.bot_removal import NOTE
from scheduler.servers.ports import Servers

log = logging.getLogger(__name__)

_WORTH_SAYING = timedelta(days=7)
"""Messages that couldn't be sent are sent after all if they aren't older than this."""
_AHEAD = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)


async def returned(session: AsyncSession, guild_id: int, now: datetime) -> datetime | None:
    """Resume everything in this server. Returns since when (UTC) the bot was away, or None if it wasn't."""
    # A weaker lock: those who hold a session and only refer to the server would otherwise deadlock with us.
    guild = await session.get(Guild, guild_id, with_for_update={"key_share": True})
    if guild is None or guild.bot_removed_at is None:
        return None
    log.info("guild %s: the bot is back", guild_id)
    since, guild.bot_removed_at = guild.bot_removed_at, None
    await _resume_coaches(session, guild_id, now)
    await _resume_sessions(session, guild_id, now)
    unsaid = select(Notification).where(
        Notification.guild_id == guild_id,
        Notification.given_up_at > now - _WORTH_SAYING,
        Notification.last_error == NOTE,
    )
    for notification in await session.scalars(unsaid):
        outbox.requeue(notification, now)
    audit.record(session, guild_id, "bot_returned", at=now)
    return since


async def compare(db: Database, discord: Servers, clock: Clock, *, just_told: bool = False) -> dict[int, datetime]:
    """Compare our servers with those that the bot is in, to catch up on events that were missed.

    Only believes that the bot is back somewhere if the gateway has `just_told` us. Returns the servers that it is
    back in, each with since when (UTC) it was away.
    """
    async with db.begin() as session:
        # Asked inside the transaction, so that it doesn't undo an event handled in the meantime.
        here = discord.servers()
        back: dict[int, datetime] = {}
        if here is None:
            return back
        known = await session.execute(select(Guild.id, Guild.bot_removed_at).order_by(Guild.id))
        for guild_id, removed_at in list(known):
            if guild_id not in here:
                await bot_removal.removed(session, guild_id, clock())
            elif removed_at is not None and just_told:
                await returned(session, guild_id, clock())
                back[guild_id] = removed_at
    return back


async def _resume_sessions(session: AsyncSession, guild_id: int, now: datetime) -> None:
    """Have the loop look again at upcoming and running sessions, and at rooms that are left."""
    of_here = CoachingSession.guild_id == guild_id
    has_room = and_(CoachingSession.room_intended_at.is_not(None), CoachingSession.room_removed_at.is_(None))
    to_look_at = of_here, or_(CoachingSession.status.in_(_AHEAD), has_room)
    await lock_sessions(session, *to_look_at)
    await session.execute(
        update(CoachingSession).where(*to_look_at).values(next_step_at=now, attempts=0, last_error=None)
    )
    coming = CoachingSession.status == SessionStatus.SCHEDULED, CoachingSession.starts_at > now
    await session.execute(update(CoachingSession).where(of_here, *coming).values(membership_due_at=now))


async def _resume_coaches(session: AsyncSession, guild_id: int, now: datetime) -> None:
    """Give roles that had to wait, and check again who is still in the server."""
    await _set_coaches(session, guild_id, Coach.role_error == NOTE, role_due_at=now, role_attempts=0)
    await _set_coaches(session, guild_id, Coach.status == CoachStatus.APPROVED, membership_due_at=now)


async def _set_coaches(
    session: AsyncSession, guild_id: int, which: ColumnElement[bool], **values: datetime | int
) -> None:
    await session.execute(update(Coach).where(Coach.guild_id == guild_id, which).values(**values))
