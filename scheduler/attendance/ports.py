"""What attendance asks of Discord. `bot.discord_api.port` implements it."""

from datetime import datetime
from enum import Enum, auto
from typing import Protocol


class Barrier(Enum):
    """What keeps someone out of a room on Discord."""

    LEFT = auto()
    """They aren't in the server, or are banned."""
    TIMED_OUT = auto()
    """A moderator timed them out, so they can't connect to any voice channel."""
    SHUT_OUT = auto()
    """With the room's overwrites and their roles, they can't see it or connect."""
    FULL = auto()
    """The room has reached a user limit that someone set."""


class Doors(Protocol):
    """Says who could enter a room."""

    async def barrier(self, guild_id: int, user_id: int, room_id: int | None, at: datetime) -> Barrier | None:
        """Return what kept this person out of the room at that time, or keeps them out now; None if nothing does.

        Raises DiscordFailure if Discord can't say.
        """
        ...
