"""Which of Discord's permissions the bot uses, and which it passes on in a room. The invitation asks for these."""

from typing import NamedTuple

import discord

ROOM_OWN = discord.Permissions(view_channel=True, connect=True, send_messages=True)
"""What the bot keeps for itself in each room: without View Channel it could not remove it again."""

ROOM_GUEST = discord.Permissions(
    view_channel=True,
    connect=True,
    speak=True,
    send_messages=True,
    read_message_history=True,
    attach_files=True,
)
"""What coach and student get when the room opens. A bot can pass on only what it holds."""

ROOM_VIDEO = discord.Permissions(stream=True)
"""What they get besides in a video session."""

OWN = discord.Permissions(
    manage_channels=True,  # make and remove rooms
    manage_roles=True,  # the coach role, and who sees a room
    view_channel=True,
    send_messages=True,  # applications in the review channel
    read_message_history=True,  # find a message again whose answer was lost
)
"""What the bot itself does in the server."""

WRITE = discord.Permissions(view_channel=True, send_messages=True, read_message_history=True)
"""What messages take that have to be found again."""

MAKE_ROOM = discord.Permissions(ROOM_OWN.value, manage_channels=True, manage_roles=True)
"""What Discord asks for where a room is made: to make it, to say who sees it, and what it keeps for itself."""

INVITE = discord.Permissions(OWN.value | ROOM_OWN.value | ROOM_GUEST.value | ROOM_VIDEO.value)
"""Exactly what the invitation asks for."""

SCOPES = ("bot", "applications.commands")


def invitation(client_id: int, guild: discord.abc.Snowflake | None = None) -> str:
    """The address that invites the bot, with exactly the permissions that it uses; may name one server."""
    chosen = guild or discord.utils.MISSING
    return discord.utils.oauth_url(client_id, permissions=INVITE, guild=chosen, scopes=SCOPES)


_AS_DISCORD_CALLS_THEM = {"read_messages": "View Channels", "stream": "Video"}


class Lacking(NamedTuple):
    """What a member does not hold of what is needed in a place."""

    in_server: discord.Permissions
    """Not even by their roles."""
    only_here: discord.Permissions
    """By their roles, but the place denies it."""

    @property
    def any(self) -> bool:
        """Whether anything is missing at all."""
        return bool(self.in_server.value or self.only_here.value)


def lacking(member: discord.Member, place: discord.abc.GuildChannel | None, needs: discord.Permissions) -> Lacking:
    """What is missing there, by Discord's own rules; without a place, in the server as a whole."""
    everywhere = member.guild_permissions.value
    # Not the channel's own method: without View Channels, that one lets nothing else count as held.
    here = everywhere if place is None else discord.abc.GuildChannel.permissions_for(place, member).value
    missing = needs.value & ~here
    return Lacking(discord.Permissions(missing & ~everywhere), discord.Permissions(missing & everywhere))


def names(permissions: discord.Permissions) -> list[str]:
    """What people see in Discord's settings."""
    held = [name for name, value in permissions if value]
    return [_AS_DISCORD_CALLS_THEM.get(name, name.replace("_", " ").title()) for name in held]
