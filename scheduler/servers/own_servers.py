"""The servers that concern someone who writes to the bot in direct messages."""

from collections.abc import Callable

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, CreditLot, Guild, Participant
from models.storage.database import Database
from scheduler.booking.ports import Membership
from scheduler.core.errors import CoachingError, DiscordFailure, NotInServer


async def find(db: Database, discord: Membership, serves: Callable[[int], bool], user_id: int) -> list[Guild]:
    """Return the servers where this person has sessions or credit or has applied to coach, and still is.

    Asks Discord about each of them. Raises CoachingError if it doesn't answer.
    """
    async with db.read() as session:
        known = [guild for guild in await _with_rows(session, user_id) if serves(guild.id)]
    return [guild for guild in known if await _is_member(discord, guild.id, user_id)]


async def _with_rows(session: AsyncSession, user_id: int) -> list[Guild]:
    theirs = union(
        select(CoachingSession.guild_id).where(CoachingSession.coach_id == user_id),
        select(Participant.guild_id).where(Participant.user_id == user_id),
        select(Coach.guild_id).where(Coach.user_id == user_id),
        select(CreditLot.guild_id).where(CreditLot.user_id == user_id),
    ).subquery()
    present = select(Guild).where(Guild.id.in_(select(theirs)), Guild.bot_removed_at.is_(None))
    return list(await session.scalars(present.order_by(Guild.id)))


async def _is_member(discord: Membership, guild_id: int, user_id: int) -> bool:
    try:
        return await discord.is_member(guild_id, user_id)
    except NotInServer:
        return False
    except DiscordFailure as failure:
        raise CoachingError("Discord didn't answer. Try again in a minute.") from failure
