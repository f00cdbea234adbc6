"""Discord as the domain sees it: rooms, roles, messages. Done with discord.py in `bot.discord_port`."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from scheduler.notices import Letter


class DiscordFailure(Exception):
    """Discord refused or did not answer; the text says what, for an admin. Worth trying again later."""


class Unreachable(DiscordFailure):
    """Trying again will not help: DMs are closed, the person or the channel is gone."""

    def __init__(self, reason: str, *, dms_closed: bool = False) -> None:
        super().__init__(reason)
        self.dms_closed = dms_closed


class RoomGone(DiscordFailure):
    """The room that the row names does not exist any more."""


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


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let into a room, and whether they may stream."""

    user_ids: tuple[int, int]
    video: bool


class Removal(Enum):
    """What became of an attempt to remove a room."""

    REMOVED = auto()
    """It is gone now, whoever removed it."""
    OCCUPIED = auto()
    """Somebody is inside, so it stayed."""
    UNKNOWN = auto()
    """Nobody knows who is inside (there is no gateway, or it has just begun anew), so it stayed."""


class Receipt(NamedTuple):
    """Where a message went."""

    channel_id: int
    message_id: int


class Postman(Protocol):
    """Delivers notices."""

    async def deliver(self, letter: "Letter") -> Receipt:
        """Send the message, or bring the one that was sent up to date. Twice is once.

        Raises Unreachable, DiscordFailure.
        """
        ...


class Discord(Postman, Protocol):
    """All that the loop asks of Discord. What is asked twice changes nothing the second time."""

    async def ensure_room(self, room: RoomSpec) -> int:
        """Make the room, seen by nobody, unless it exists; returns its id. Raises DiscordFailure."""
        ...

    async def open_room(self, room: RoomSpec, access: Access) -> None:
        """Let exactly these people in. Raises RoomGone, DiscordFailure."""
        ...

    async def remove_room(self, room: RoomSpec, *, even_if_occupied: bool) -> Removal:
        """Remove the room and what a lost answer may have left of it. Raises DiscordFailure."""
        ...

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        """Whether this person is in the server. Raises DiscordFailure if nobody can say."""
        ...

    async def set_role(self, guild_id: int, user_id: int, role_id: int, *, wanted: bool) -> None:
        """Give or take a role. Raises Unreachable if the person has left, DiscordFailure."""
        ...
