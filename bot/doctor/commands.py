"""Whether a server lists each command once."""

from typing import Any

import discord

from bot.doctor.checks import Check, error, warning
from scheduler.parsing.lists import all_of

_Command = tuple[str, int]
"""Its name and kind."""


async def everywhere(client: discord.Client) -> set[_Command]:
    """Request the commands that all servers list. Raises what discord.py raises."""
    return _known(await client.http.get_global_commands(_application_id(client)))


async def check_server(client: discord.Client, guild_id: int, server: str, listed: set[_Command]) -> list[Check]:
    """Check a server's own commands against those `listed` in all servers. Raises what discord.py raises."""
    try:
        own = _known(await client.http.get_guild_commands(_application_id(client), guild_id))
    except discord.Forbidden:
        advice = "invite the bot again with `coachbot invite`; nothing else changes"
        return [error("commands", f"{server}: the bot may not have commands there", advice)]
    if not (twice := sorted(name for name, _kind in own & listed)):
        return []
    names = all_of(f"/{name}" for name in twice)
    advice = "restart the bot: after DISCORD_GUILD_ID has changed, it removes the ones from before"
    return [warning("commands", f"{server}: listed twice: {names}", advice)]


def _application_id(client: discord.Client) -> int:
    assert client.application_id is not None, "the client is logged in"
    return client.application_id


def _known(commands: list[Any]) -> set[_Command]:
    return {(one["name"], one.get("type", 1)) for one in commands}
