"""What the rules ask of Discord about rooms. `bot.discord_api.port` implements it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RoomSpec:
    """A session's room, and how to recognize it."""

    guild_id: int
    name: str
    category_id: int | None
    channel_id: int | None
    """The room's id, if it's known."""
    intended_at: datetime
    """When we meant to make it (UTC). Older channels can't be ours."""
    reason: str
    """For the server's audit log."""
    role_id: int | None = None
    """The session's role, if it has one and its id is known."""
    user_limit: int = 0
    """How many people fit in, set when it's made; 0 for any number."""
    role_intended_at: datetime | None = None
    """The same for the role, which has the room's name; None if there's no role."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who can enter a room, and whether they can stream."""

    user_ids: tuple[int, ...]
    video: bool
    role_id: int | None = None
    """The session's role, which they get and which is let in instead of each of them."""


@dataclass(frozen=True, slots=True)
class RoomSeen:
    """An existing voice channel, whoever made it."""

    id: int
    name: str
    as_we_make_it: bool = False
    """Whether it has the settings that the bot gives its rooms."""


class Removal(Enum):
    """The outcome of trying to remove a room."""

    REMOVED = auto()
    """It's gone, whoever removed it."""
    OCCUPIED = auto()
    """Someone is inside, so it stayed."""
    UNKNOWN = auto()
    """We don't know who is inside (no gateway, or one that has just reconnected), so it stayed."""


class Rooms(Protocol):
    """Makes, opens and removes rooms. Asking twice changes nothing the second time."""

    async def ensure_room(self, room: RoomSpec) -> int:
        """Make the room, visible to nobody, unless it exists; returns its id. Raises DiscordFailure."""
        ...

    async def ensure_role(self, room: RoomSpec) -> int:
        """Make the session's role, unless it exists; returns its id. It gives no rights. Raises DiscordFailure."""
        ...

    async def open_room(self, room: RoomSpec, access: Access) -> None:
        """Let exactly these people in, one by one or through the role. Raises RoomGone, DiscordFailure."""
        ...

    async def remove_room(self, room: RoomSpec, *, even_if_occupied: bool) -> Removal:
        """Remove the room, its role, and any twins of either. Raises DiscordFailure."""
        ...

    async def voice_rooms(self, guild_id: int) -> list[RoomSeen]:
        """Return every voice channel of the server. Raises DiscordFailure, also if the bot isn't in the server."""
        ...
