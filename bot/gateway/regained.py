"""Whether a change in a server gave the bot something it was missing."""

import discord

from cogs.server_limits import MOST_CHANNELS, MOST_ROLES


def by_role(me: discord.Member | None, before: discord.Role, after: discord.Role) -> bool:
    """Whether a changed role gives the bot more permissions, or changes the order of roles."""
    gained = after.permissions.value & ~before.permissions.value
    return before.position != after.position or (me is not None and after in me.roles and gained != 0)


def by_member(before: discord.Member, after: discord.Member) -> bool:
    """Whether the bot's own new roles give it more permissions or a higher position."""
    gained = after.guild_permissions.value & ~before.guild_permissions.value
    return gained != 0 or after.top_role > before.top_role


def by_channel(
    me: discord.Member | None, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
) -> bool:
    """Whether the bot can do more in a changed channel."""
    if me is None:
        return False
    # Not the channel's own method, which hides every other permission if View Channel is missing.
    held = [discord.abc.GuildChannel.permissions_for(one, me).value for one in (before, after)]
    return held[1] & ~held[0] != 0


def by_deletion(server: discord.Guild) -> bool:
    """Whether a deleted channel or role makes room in a full server."""
    return len(server.channels) >= MOST_CHANNELS - 1 or len(server.roles) >= MOST_ROLES - 1
