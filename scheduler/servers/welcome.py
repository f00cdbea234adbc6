"""The first word to a server that the bot has come into: said once, whatever happens in between."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild, Notification, NotificationKind
from scheduler.notifications import outbox
from scheduler.servers import settings
from scheduler.servers.settings import GuildDefaults


async def greet(session: AsyncSession, guild_id: int, defaults: GuildDefaults, now: datetime) -> None:
    """The bot was let in. A server that it comes back into has read it; what reached nobody is tried anew."""
    await settings.ensure(session, guild_id, defaults, now)
    await session.get_one(Guild, guild_id, with_for_update=True)  # or two who greet at once would both say it
    said = await session.scalar(
        select(Notification)
        .where(Notification.guild_id == guild_id, Notification.kind == NotificationKind.WELCOME)
        .limit(1)
    )
    if said is None:
        outbox.enqueue(session, NotificationKind.WELCOME, guild_id, now=now)
    elif said.given_up_at is not None:
        outbox.requeue(said, now)
        said.route = said.tried_at = None


async def greet_new(
    session: AsyncSession, guild_ids: Collection[int], defaults: GuildDefaults, now: datetime
) -> None:
    """Greet those of the bot's servers that nothing is known of: it was let in while it was not running."""
    known = set(await session.scalars(select(Guild.id)))
    for guild_id in sorted(set(guild_ids) - known):
        await greet(session, guild_id, defaults, now)
