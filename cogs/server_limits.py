"""Warn of Discord limits that a server is close to."""

import discord

MOST_CHANNELS, MOST_ROLES = 500, 250  # of a server, https://discord.com/safety
_NEARLY = 0.9


def limits_ahead(guild: discord.Guild | None) -> list[str]:
    """Return a warning for each limit that's nearly reached."""
    if guild is None:
        return []
    counted = (
        ("channels in the server", len(guild.channels), MOST_CHANNELS),
        ("roles in the server", len(guild.roles), MOST_ROLES),
    )
    return [
        f"**Limit ahead** {count} of {most} {what}. Remove some that nobody needs."
        for what, count, most in counted
        if count >= most * _NEARLY
    ]
