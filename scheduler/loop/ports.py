"""Discord as the domain sees it: rooms, roles, messages. `bot.discord_api.port` implements it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from models import Guild
    from scheduler.notifications.outbox import NotificationContext
    from scheduler.servers.setup import ServerResource, SetupIssue


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


class Barrier(Enum):
    """What keeps somebody out of a room on Discord."""

    LEFT = auto()
    """They aren't in the server, or are banned."""
    TIMED_OUT = auto()
    """A moderator timed them out, so they can't connect to any voice channel."""
    SHUT_OUT = auto()
    """With the room's overwrites and their roles, they can't see it or connect."""
    FULL = auto()
    """The room has reached a user limit that somebody set."""


class Receipt(NamedTuple):
    """Where a message went."""

    channel_id: int
    message_id: int


class Postman(Protocol):
    """Delivers notices."""

    async def deliver(self, context: "NotificationContext") -> Receipt:
        """Send the message, or bring the one that was sent up to date. Twice is once.

        Raises Unreachable, DiscordFailure.
        """
        ...


class Discord(Postman, Protocol):
    """All that the loop asks of Discord. What is asked twice changes nothing the second time."""

    def servers(self) -> Collection[int] | None:
        """Ids of servers that the bot is in, even those in an outage; None if that isn't known."""
        ...

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

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        """Whether this person is in the server. Raises DiscordFailure if nobody can say."""
        ...

    async def barrier(self, guild_id: int, user_id: int, room_id: int | None, at: datetime) -> Barrier | None:
        """What kept this person out of the room then, as far as Discord can still say, or now. None: nothing.

        Raises DiscordFailure if Discord can't say.
        """
        ...

    async def member_name(self, guild_id: int, user_id: int) -> str | None:
        """This person's name in the server, or None if they aren't in it. Raises as `is_member`."""
        ...

    async def set_role(self, guild_id: int, user_id: int, role_id: int, *, wanted: bool) -> None:
        """Give or take a role. Raises Unreachable if the person has left, DiscordFailure."""
        ...

    async def look_around(self, settings: "Guild") -> "list[SetupIssue]":
        """What is not as it could be in the server with these settings. Raises DiscordFailure."""
        ...

    async def ensure_place(self, settings: "Guild", place: "ServerResource") -> int:
        """Make the channel, category or role, unless it exists; returns its id. Raises DiscordFailure."""
        ...
