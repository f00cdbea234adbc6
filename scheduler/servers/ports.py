"""What the rules need to know of servers on Discord. `bot.discord_api.port` implements it."""

from collections.abc import Collection
from typing import Protocol

from models import Guild
from scheduler.servers.resources import ServerResource, SetupIssue


class Servers(Protocol):
    """Knows the bot's servers and creates what they lack."""

    def servers(self) -> Collection[int] | None:
        """Return the ids of the bot's servers, including those in an outage. None if unknown."""
        ...

    async def look_around(self, settings: Guild) -> list[SetupIssue]:
        """List what's wrong or missing in the server with these settings. Raises DiscordFailure."""
        ...

    async def ensure_place(self, settings: Guild, place: ServerResource) -> int:
        """Create the channel, category or role unless it exists. Returns its id. Raises DiscordFailure."""
        ...
