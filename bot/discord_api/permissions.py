"""The permissions that the bot uses and passes on, which its invitation asks for."""

from typing import NamedTuple

import discord

ROOM_OWN = discord.Permissions(view_channel=True, connect=True, send_messages=True)
"""What the bot keeps in each room. Without View Channel it couldn't delete the room."""

ROOM_GUEST = discord.Permissions(
    view_channel=True,
    connect=True,
    speak=True,
    send_messages=True,
    read_message_history=True,
    attach_files=True,
)
"""What coach and student get when the room opens. A bot can only pass on what it has."""

ROOM_VIDEO = discord.Permissions(stream=True)
"""What they get as well in a video session."""

OWN = discord.Permissions(
    manage_channels=True,  # create and delete rooms
    manage_roles=True,  # give the coach role, and let people into rooms
    view_channel=True,
    send_messages=True,  # post applications in the review channel
    read_message_history=True,  # find a message whose answer was lost
)
"""What the bot itself does in the server."""

WRITE = discord.Permissions(view_channel=True, send_messages=True, read_message_history=True)
"""What it takes to send messages and find them again."""

MAKE_ROOM = discord.Permissions(ROOM_OWN.value, manage_channels=True, manage_roles=True)
"""What Discord requires where a room is created: to create it, to set its permissions, and what the bot keeps."""

INVITE = discord.Permissions(OWN.value | ROOM_OWN.value | ROOM_GUEST.value | ROOM_VIDEO.value)
"""Exactly what the invitation asks for."""

EVENTS = discord.Permissions(create_events=True)
"""What it takes to make scheduled events, and to change and delete one's own."""

SCOPES = ("bot", "applications.commands")


def wanted(*, with_events: bool) -> discord.Permissions:
    """Return what the bot needs in a server, also where workshops are among its scheduled events."""
    return discord.Permissions(INVITE.value | EVENTS.value) if with_events else INVITE


def invite_link(client_id: int, guild: discord.abc.Snowflake | None = None, *, with_events: bool = False) -> str:
    """Return the link that invites the bot with exactly its permissions, to one server if `guild` is given."""
    chosen, asked = guild or discord.utils.MISSING, wanted(with_events=with_events)
    return discord.utils.oauth_url(client_id, permissions=asked, guild=chosen, scopes=SCOPES)


_AS_DISCORD_CALLS_THEM = {"read_messages": "View Channels", "stream": "Video"}


class MissingPermissions(NamedTuple):
    """Permissions that a member is missing."""

    in_server: discord.Permissions
    """Not granted by any role."""
    in_channel: discord.Permissions
    """Granted by a role, but denied in this channel."""

    @property
    def any(self) -> bool:
        """Whether anything is missing."""
        return bool(self.in_server.value or self.in_channel.value)


def missing_permissions(
    member: discord.Member, place: discord.abc.GuildChannel | None, needs: discord.Permissions
) -> MissingPermissions:
    """Return what's missing there by Discord's rules; without a place, in the server as a whole."""
    everywhere = member.guild_permissions.value
    # Not the channel's own method, which hides every other permission if View Channel is missing.
    here = everywhere if place is None else discord.abc.GuildChannel.permissions_for(place, member).value
    missing = needs.value & ~here
    return MissingPermissions(
        discord.Permissions(missing & ~everywhere), discord.Permissions(missing & everywhere)
    )


def names(permissions: discord.Permissions) -> list[str]:
    """Name permissions as Discord's settings do."""
    held = [name for name, value in permissions if value]
    return [_AS_DISCORD_CALLS_THEM.get(name, name.replace("_", " ").title()) for name in held]
