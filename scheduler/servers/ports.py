"""Servers as the rules see them. `bot.discord_api.port` implements it."""

from collections.abc import Collection
from typing import Protocol

from models import Guild
from scheduler.servers.resources import ServerResource, SetupIssue


class Servers(Protocol):
    """Knows the bot's servers, and makes what is missing in them."""

    def servers(self) -> Collection[int] | None:
        """Ids of servers that the bot is in, even those in an outage; None if that isn't known."""
        ...

    async def look_around(self, settings: Guild) -> list[SetupIssue]:
        """What is not as it could be in the server with these settings. Raises DiscordFailure."""
        ...

    async def ensure_place(self, settings: Guild, place: ServerResource) -> int:
        """Make the channel, category or role, unless it exists; returns its id. Raises DiscordFailure."""
        ...
