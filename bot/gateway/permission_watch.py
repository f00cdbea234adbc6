"""What the gateway tells about permissions, roles and channels: whether the bot can still work in a server.

It is looked at with what the gateway has sent, so that nothing is asked of Discord.
"""

import discord

from bot.discord_api import server_setup
from cogs.setup.panel import in_words
from models import Guild
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.servers.resources import ServerResource
from scheduler.servers.setup import tell


async def inspect_server(db: Database, clock: Clock, me: discord.Member) -> bool:
    """After somebody changed something: tell admins what that broke or mended; whether there was anything."""
    server = me.guild
    async with db.read() as session:
        settings = await session.get(Guild, server.id)
    if settings is None or settings.review_channel_id is None:
        return False  # nobody has set up anything yet that could break
    channels = {channel.id: channel for channel in server.channels}
    broken = {
        one.place: in_words(settings, one)
        for one in server_setup.flaws(me, channels, settings)
        if one.is_severe and one.place is not ServerResource.LOG_CHANNEL  # which is told of when it is needed
    }
    return await tell(db, clock, server.id, broken)
