"""Rooms as the rules see them. `bot.discord_api.port` implements it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RoomSpec:
    """What a session's room is, and how to know it again."""

    guild_id: int
    name: str
    category_id: int | None
    channel_id: int | None
    """The room's id where it is known."""
    intended_at: datetime
    """No channel older than this can be ours."""
    reason: str
    """For the server's audit log."""
    role_id: int | None = None
    """The session's role, where it has one and its id is known."""
    role_intended_at: datetime | None = None
    """No role older than this can be the session's; empty: it has none. The role is called like the room."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let into a room, and whether they may stream."""

    user_ids: tuple[int, ...]
    video: bool
    role_id: int | None = None
    """The session's role: they get it, and it is let in instead of each of them."""


@dataclass(frozen=True, slots=True)
class RoomSeen:
    """A voice channel that is there, whoever made it."""

    id: int
    name: str
    as_we_make_it: bool = False
    """Whether it has the settings that the bot gives its rooms."""


class Removal(Enum):
    """What became of an attempt to remove a room."""

    REMOVED = auto()
    """It is gone now, whoever removed it."""
    OCCUPIED = auto()
    """Somebody is inside, so it stayed."""
    UNKNOWN = auto()
    """Nobody knows who is inside (there is no gateway, or it has just begun anew), so it stayed."""


class Rooms(Protocol):
    """Makes, opens and removes rooms. What is asked twice changes nothing the second time."""

    async def ensure_room(self, room: RoomSpec) -> int:
        """Make the room, seen by nobody, unless it exists; returns its id. Raises DiscordFailure."""
        ...

    async def ensure_role(self, room: RoomSpec) -> int:
        """Make the session's role, which gives nothing by itself, unless it exists; returns its id.

        Raises DiscordFailure.
        """
        ...

    async def open_room(self, room: RoomSpec, access: Access) -> None:
        """Let exactly these people in, each by themselves or all by the role. Raises RoomGone, DiscordFailure."""
        ...

    async def remove_room(self, room: RoomSpec, *, even_if_occupied: bool) -> Removal:
        """Remove the room, its role, and what a lost answer may have left of either. Raises DiscordFailure."""
        ...

    async def voice_rooms(self, guild_id: int) -> list[RoomSeen]:
        """Every voice channel of the server. Raises DiscordFailure, also where the bot is in no such server."""
        ...
