"""Whether what somebody changed in a server gave the bot something that it did not have."""

import discord

_MOST_CHANNELS, _MOST_ROLES = 500, 250  # of a server, https://discord.com/safety


def by_role(me: discord.Member | None, before: discord.Role, after: discord.Role) -> bool:
    """A role was changed: the bot may do more by it, or the order of roles is another one."""
    gained = after.permissions.value & ~before.permissions.value
    return before.position != after.position or (me is not None and after in me.roles and gained != 0)


def by_member(before: discord.Member, after: discord.Member) -> bool:
    """The bot's own roles were changed, and it may do more by them or stands higher."""
    gained = after.guild_permissions.value & ~before.guild_permissions.value
    return gained != 0 or after.top_role > before.top_role


def by_channel(
    me: discord.Member | None, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
) -> bool:
    """A channel was changed, and the bot may do more there."""
    if me is None:
        return False
    # Not the channel's own method: without View Channels, that one lets nothing else count as held.
    held = [discord.abc.GuildChannel.permissions_for(one, me).value for one in (before, after)]
    return held[1] & ~held[0] != 0


def by_deletion(server: discord.Guild) -> bool:
    """A channel or a role was deleted, and the server had as many as Discord allows."""
    return len(server.channels) >= _MOST_CHANNELS - 1 or len(server.roles) >= _MOST_ROLES - 1
