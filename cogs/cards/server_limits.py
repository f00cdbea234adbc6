"""Which of Discord's limits a server comes close to."""

import discord

_MOST_CHANNELS, _MOST_ROLES = 500, 250  # of a server, https://discord.com/safety
_NEARLY = 0.9


def limits_ahead(guild: discord.Guild | None) -> list[str]:
    """Name the limits that are nearly reached, and what to do."""
    if guild is None:
        return []
    counted = (
        ("channels of the server", len(guild.channels), _MOST_CHANNELS),
        ("roles of the server", len(guild.roles), _MOST_ROLES),
    )
    return [
        f"**Limit ahead** {count} of {most} {what}. Remove some that nobody needs."
        for what, count, most in counted
        if count >= most * _NEARLY
    ]
