"""Whether the bot still has what it needs in a server, by what the gateway reports.

Uses only what the gateway has sent, so nothing is requested from Discord.
"""

import discord

from bot.discord_api import server_setup
from cogs.setup.panel import describe_issue
from models import Guild
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.servers.resources import ServerResource
from scheduler.servers.setup import update_alerts


async def inspect_server(db: Database, clock: Clock, me: discord.Member) -> bool:
    """Tell admins what a change broke or fixed. Returns whether there was anything to tell."""
    server = me.guild
    async with db.read() as session:
        settings = await session.get(Guild, server.id)
    if settings is None or settings.review_channel_id is None:
        return False  # not set up yet, so nothing can break
    channels = {channel.id: channel for channel in server.channels}
    broken = {
        one.place: describe_issue(settings, one)
        for one in server_setup.find_issues(me, channels, settings)
        if one.is_severe and one.place is not ServerResource.LOG_CHANNEL  # it's reported when it's needed
    }
    return await update_alerts(db, clock, server.id, broken)
