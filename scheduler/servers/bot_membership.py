"""Resume work in a server when the bot is back, and catch up on missed events."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import AHEAD, Coach, CoachingSession, CoachStatus, Guild, Notification, SessionStatus
from models.storage.database import Database
from scheduler.core import audit
from scheduler.core.clock import Clock
from scheduler.core.row_locks import lock_sessions
from scheduler.notifications import bot_removal, outbox
from scheduler.notifications.bot_removal import REMOVED
from scheduler.servers.ports import Servers

log = logging.getLogger(__name__)

_RESEND_WITHIN = timedelta(days=7)
"""How old unsent messages can be to be sent after all."""


async def resume(session: AsyncSession, guild_id: int, now: datetime) -> datetime | None:
    """Resume everything in this server. Returns since when (UTC) the bot was gone, or None if it wasn't."""
    # A weak lock, because transactions that hold a session and refer to the server would deadlock with us.
    guild = await session.get(Guild, guild_id, with_for_update={"key_share": True})
    if guild is None or guild.bot_removed_at is None:
        return None
    log.info("guild %s: the bot is back", guild_id)
    since, guild.bot_removed_at = guild.bot_removed_at, None
    await _resume_coaches(session, guild_id, now)
    await _resume_sessions(session, guild_id, now)
    unsent = select(Notification).where(
        Notification.guild_id == guild_id,
        Notification.given_up_at > now - _RESEND_WITHIN,
        Notification.last_error == REMOVED,
    )
    for notification in await session.scalars(unsent):
        outbox.requeue(notification, now)
    audit.record(session, guild_id, "bot_returned", at=now)
    return since


async def catch_up(
    db: Database, discord: Servers, clock: Clock, *, just_told: bool = False
) -> dict[int, datetime]:
    """Compare the stored servers with those the bot is in, to catch up on missed events.

    The bot counts as back in a server only if the gateway has `just_told` us. Returns the servers it's back in,
    each with since when (UTC) it was gone.
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
                await bot_removal.record_removal(session, guild_id, clock())
            elif removed_at is not None and just_told:
                await resume(session, guild_id, clock())
                back[guild_id] = removed_at
    return back


async def _resume_sessions(session: AsyncSession, guild_id: int, now: datetime) -> None:
    """Make upcoming and running sessions, and rooms that still exist, due now."""
    here = CoachingSession.guild_id == guild_id
    has_room = and_(CoachingSession.room_intended_at.is_not(None), CoachingSession.room_removed_at.is_(None))
    unfinished = here, or_(CoachingSession.status.in_(AHEAD), has_room)
    for row in await lock_sessions(session, *unfinished):
        row.next_step_at, row.attempts, row.last_error = now, 0, None
        if row.status is SessionStatus.SCHEDULED and row.starts_at > now:
            for one in row.taking_part:
                one.membership_due_at = now


async def _resume_coaches(session: AsyncSession, guild_id: int, now: datetime) -> None:
    """Give roles that had to wait, and check again who's still in the server."""
    coaches = update(Coach).where(Coach.guild_id == guild_id)
    await session.execute(coaches.where(Coach.role_error == REMOVED).values(role_due_at=now, role_attempts=0))
    await session.execute(coaches.where(Coach.status == CoachStatus.APPROVED).values(membership_due_at=now))
