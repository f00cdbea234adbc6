"""What the rules ask about a server's members. `bot.discord_api.port` implements it."""

from typing import Protocol


class Membership(Protocol):
    """Knows who is in a server."""

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        """Whether this person is in the server. Raises DiscordFailure if Discord can't say."""
        ...

    async def member_name(self, guild_id: int, user_id: int) -> str | None:
        """Return this person's name in the server, or None if they aren't in it. Raises as `is_member`."""
        ...
