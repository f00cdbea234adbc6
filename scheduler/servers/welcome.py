"""Welcoming a server that the bot has joined, exactly once."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild, Notification, NotificationKind
from scheduler.notifications import outbox
from scheduler.servers import settings
from scheduler.servers.settings import GuildDefaults


async def greet(session: AsyncSession, guild_id: int, defaults: GuildDefaults, now: datetime) -> None:
    """Enqueue the welcome, unless it was sent before. One that reached nobody is sent again."""
    await settings.ensure(session, guild_id, defaults, now)
    # Locked, so that only one of two concurrent greetings is sent.
    await session.get_one(Guild, guild_id, with_for_update=True)
    welcomes = Notification.guild_id == guild_id, Notification.kind == NotificationKind.WELCOME
    welcome = await session.scalar(select(Notification).where(*welcomes).limit(1))
    if welcome is None:
        outbox.enqueue(session, NotificationKind.WELCOME, guild_id, now=now)
    elif welcome.given_up_at is not None:
        outbox.requeue(welcome, now)
        welcome.route = welcome.tried_at = None


async def greet_new(
    session: AsyncSession, guild_ids: Collection[int], defaults: GuildDefaults, now: datetime
) -> None:
    """Welcome unknown servers: the bot joined them while it wasn't running."""
    known = set(await session.scalars(select(Guild.id)))
    for guild_id in sorted(set(guild_ids) - known):
        await greet(session, guild_id, defaults, now)
