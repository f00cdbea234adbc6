"""Whether the bot is still in a server: what is due ends when it is removed, and resumes when it is back."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, CoachStatus, Guild, Notice, SessionStatus
from models.database import Database
from scheduler import audit, notices
from scheduler.clock import Clock
from scheduler.ports import Discord
from scheduler.row_locks import lock_sessions

log = logging.getLogger(__name__)

NOTE = "the bot was not in the server"
"""What stands on rows for which nothing could be done because of that."""
_WORTH_SAYING = timedelta(days=7)
"""What people were not told because of it they are told for so long after it was due, if it still helps."""
_AHEAD = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)


async def removed(session: AsyncSession, guild_id: int, now: datetime) -> None:
    """Note that the bot is not in this server any more. What becomes due there ends with a note. Twice is once.

    Rows are left as they are: each ends when its time comes, so that a short absence costs nothing.
    """
    guild = await session.get(Guild, guild_id, with_for_update=True)
    if guild is None or guild.bot_removed_at is not None:
        return
    log.warning("guild %s: the bot is not in it any more; nothing is asked about it until it is back", guild_id)
    guild.bot_removed_at = now
    audit.record(session, guild_id, "bot_removed", at=now)


async def found_removed(db: Database, clock: Clock, guild_id: int) -> None:
    """As `removed`, learnt from an answer of Discord's."""
    async with db.begin() as session:
        await removed(session, guild_id, clock())


async def returned(session: AsyncSession, guild_id: int, now: datetime) -> datetime | None:
    """Let everything in this server go on. Since when (UTC) the bot was away; None if it was not."""
    # Shared with whoever holds a session and only refers to the server, or both would wait in a circle.
    guild = await session.get(Guild, guild_id, with_for_update={"key_share": True})
    if guild is None or guild.bot_removed_at is None:
        return None
    log.info("guild %s: the bot is back", guild_id)
    since, guild.bot_removed_at = guild.bot_removed_at, None
    await _resume_coaches(session, guild_id, now)
    await _resume_sessions(session, guild_id, now)
    unsaid = select(Notice).where(
        Notice.guild_id == guild_id, Notice.given_up_at > now - _WORTH_SAYING, Notice.last_error == NOTE
    )
    for notice in await session.scalars(unsaid):
        notices.renew(notice, now)
    audit.record(session, guild_id, "bot_returned", at=now)
    return since


async def is_removed(session: AsyncSession, guild_id: int) -> bool:
    """Whether the bot is not in this server, as far as is noted."""
    guild = await session.get(Guild, guild_id)
    return guild is not None and guild.bot_removed_at is not None


async def compare(db: Database, discord: Discord, clock: Clock, *, just_told: bool = False) -> dict[int, datetime]:
    """Hold our servers against those that the bot is in, for what happened while nobody listened.

    A server that Discord itself has called unknown is believed to be back only if the gateway has `just_told` so.
    Gives back the servers to which the bot has returned, each with since when (UTC) it was away.
    """
    async with db.begin() as session:
        # Asked here and not before, so that an event that was handled meanwhile is not undone.
        here = discord.servers()
        back: dict[int, datetime] = {}
        if here is None:
            return back
        known = await session.execute(select(Guild.id, Guild.bot_removed_at).order_by(Guild.id))
        for guild_id, removed_at in list(known):
            if guild_id not in here:
                await removed(session, guild_id, clock())
            elif removed_at is not None and just_told:
                await returned(session, guild_id, clock())
                back[guild_id] = removed_at
    return back


async def _resume_sessions(session: AsyncSession, guild_id: int, now: datetime) -> None:
    """The loop looks at them and plans anew: what is ahead, and rooms that are left."""
    of_here = CoachingSession.guild_id == guild_id
    has_room = and_(CoachingSession.room_intended_at.is_not(None), CoachingSession.room_removed_at.is_(None))
    to_look_at = of_here, or_(CoachingSession.status.in_(_AHEAD), has_room)
    await lock_sessions(session, *to_look_at)
    await session.execute(
        update(CoachingSession).where(*to_look_at).values(next_step_at=now, attempts=0, last_error=None)
    )
    coming = CoachingSession.status == SessionStatus.SCHEDULED, CoachingSession.starts_at > now
    await session.execute(update(CoachingSession).where(of_here, *coming).values(presence_due_at=now))


async def _resume_coaches(session: AsyncSession, guild_id: int, now: datetime) -> None:
    """Their roles, where they had to wait; and whether they are still there is asked afresh."""
    await _set_coaches(session, guild_id, Coach.role_error == NOTE, role_due_at=now, role_attempts=0)
    await _set_coaches(session, guild_id, Coach.status == CoachStatus.APPROVED, presence_due_at=now)


async def _set_coaches(
    session: AsyncSession, guild_id: int, which: ColumnElement[bool], **values: datetime | int
) -> None:
    await session.execute(update(Coach).where(Coach.guild_id == guild_id, which).values(**values))
