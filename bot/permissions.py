"""Which of Discord's permissions the bot uses, and which it passes on in a room. The invitation asks for these."""

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

MAKE_ROOM = discord.Permissions(ROOM_OWN.value, manage_channels=True, manage_roles=True)
"""What Discord asks for where a room is made: to make it, to say who sees it, and what it keeps for itself."""

INVITE = discord.Permissions(OWN.value | ROOM_OWN.value | ROOM_GUEST.value | ROOM_VIDEO.value)
"""Exactly what the invitation asks for."""

SCOPES = ("bot", "applications.commands")
