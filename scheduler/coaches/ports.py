"""The coach role on Discord. `bot.discord_api.port` implements it."""

from typing import Protocol


class CoachRoles(Protocol):
    """Gives and removes roles."""

    async def set_role(self, guild_id: int, user_id: int, role_id: int, *, wanted: bool) -> None:
        """Give or remove a role. Raises Unreachable if the person has left, DiscordFailure."""
        ...
