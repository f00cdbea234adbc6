"""A fake Discord for pure decisions: it records requests, and fails or hangs when told to.

How Discord really reacts is tested with simcord.
"""

import itertools
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import bot.app  # noqa: F401  (it registers the kinds of notifications that features declare)
from models import Guild
from scheduler.attendance.ports import Barrier
from scheduler.notifications.kinds import NotificationContext
from scheduler.notifications.ports import Receipt
from scheduler.rooms.ports import Access, Removal, RoomSeen, RoomSpec
from scheduler.servers.resources import ServerResource, SetupIssue
from scheduler.workshops.ports import EventGone, EventSpec
from tests.support.watched import is_in_transaction

Method = Literal[
    "ensure_room",
    "open_room",
    "remove_room",
    "set_role",
    "is_member",
    "barrier",
    "deliver",
    "ensure_role",
    "voice_rooms",
    "look_around",
    "ensure_place",
    "ensure_event",
    "remove_event",
]
Meanwhile = Callable[["Call"], Awaitable[None]]
"""Runs while a request is in progress. What it raises becomes Discord's answer."""


@dataclass(frozen=True)
class Call:
    """One request to Discord."""

    method: Method
    about: str
    """The room's name, the role's member, or the notification's id."""
    room: RoomSpec | None = None
    access: Access | None = None
    even_if_occupied: bool | None = None
    wanted: bool | None = None
    role_id: int | None = None
    context: NotificationContext | None = None


def an_id_made_at(moment: datetime) -> int:
    """Return a snowflake: milliseconds since 2015, then 22 bits."""
    return int(moment.timestamp() * 1000 - 1_420_070_400_000) << 22


class FakeDiscord:
    """Implements `scheduler.loop.ports.Discord`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.gone: set[int] = set()
        """Who has left."""
        self.barriers: dict[int, Barrier] = {}
        """What keeps people out of their rooms."""
        self.names: dict[int, str] = {}
        self.rooms: dict[int, str] = {}
        self.theirs: set[int] = set()
        """Which of these don't look like the bot's rooms."""
        self.events: dict[int, EventSpec] = {}
        """The server's scheduled events, by id."""
        self.here: Collection[int] | None = None
        """The servers the bot is in; None without a gateway."""
        self.rooms_stay: Removal | None = None
        """Why no room can be deleted right now, unless even an occupied one may be."""
        self._meanwhile: dict[Method, Meanwhile] = {}
        self._failing: dict[tuple[Method, str | None], Exception] = {}
        self._ids = itertools.count(500)

    def fail(self, method: Method, error: Exception, *, about: str | None = None) -> None:
        """Answer this method with an error from now on, if given only for one room, member or notification."""
        self._failing[method, about] = error

    def heal(self) -> None:
        self._failing.clear()

    def meanwhile(self, method: Method, happens: Meanwhile) -> None:
        """Let something happen during each request of this method."""
        self._meanwhile[method] = happens

    def asked(self, method: Method | None = None) -> list[str]:
        """Return requests like "open_room coaching-session-abc", or one method's subjects."""
        return [
            call.about if method else f"{call.method} {call.about}"
            for call in self.calls
            if method in (None, call.method)
        ]

    @property
    def effects(self) -> list[Call]:
        """Return the requests that change something."""
        questions = ("is_member", "barrier", "voice_rooms", "look_around")
        return [call for call in self.calls if call.method not in questions]

    async def _ask(self, call: Call) -> None:
        assert not is_in_transaction(), f"a slow {call.method} would keep the transaction open"
        self.calls.append(call)
        if (happens := self._meanwhile.get(call.method)) is not None:
            await happens(call)
        for about in (call.about, None):
            if (call.method, about) in self._failing:
                raise self._failing[call.method, about]

    def servers(self) -> Collection[int] | None:
        return self.here

    async def ensure_room(self, room: RoomSpec) -> int:
        """Return the stored id or a new one."""
        await self._ask(Call("ensure_room", room.name, room))
        channel_id = room.channel_id or an_id_made_at(room.intended_at) + next(self._ids)
        self.rooms[channel_id] = room.name
        return channel_id

    async def ensure_role(self, room: RoomSpec) -> int:
        """Return the stored id or a new one."""
        await self._ask(Call("ensure_role", room.name, room))
        return room.role_id or next(self._ids)

    async def voice_rooms(self, guild_id: int) -> list[RoomSeen]:
        """Return rooms that were created and not deleted, and those of the test."""
        await self._ask(Call("voice_rooms", str(guild_id)))
        return [RoomSeen(*one, as_we_make_it=one[0] not in self.theirs) for one in self.rooms.items()]

    async def open_room(self, room: RoomSpec, access: Access) -> None:
        await self._ask(Call("open_room", room.name, room, access))

    async def remove_room(self, room: RoomSpec, *, even_if_occupied: bool) -> Removal:
        """Delete the room, unless the test keeps it."""
        await self._ask(Call("remove_room", room.name, room, even_if_occupied=even_if_occupied))
        if self.rooms_stay is not None and not even_if_occupied:
            return self.rooms_stay
        if room.channel_id is not None:
            self.rooms.pop(room.channel_id, None)
        return Removal.REMOVED

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        await self._ask(Call("is_member", str(user_id)))
        return user_id not in self.gone

    async def barrier(self, guild_id: int, user_id: int, room_id: int | None, at: datetime) -> Barrier | None:
        await self._ask(Call("barrier", str(user_id)))
        return self.barriers.get(user_id)

    async def member_name(self, guild_id: int, user_id: int) -> str | None:
        """Return the name from `tests.support.builders`, unless the test gives another."""
        return self.names.get(user_id, "Cara") if await self.is_member(guild_id, user_id) else None

    async def set_role(self, guild_id: int, user_id: int, role_id: int, *, wanted: bool) -> None:
        await self._ask(Call("set_role", str(user_id), wanted=wanted, role_id=role_id))

    async def look_around(self, settings: Guild) -> list[SetupIssue]:
        await self._ask(Call("look_around", str(settings.id)))
        return []

    async def ensure_place(self, settings: Guild, place: ServerResource) -> int:
        """Return the stored id or a new one."""
        await self._ask(Call("ensure_place", place))
        return place.id_in(settings) or next(self._ids)

    async def ensure_event(self, event: EventSpec) -> int:
        """Return the stored id, that of an event with the same link, or a new one."""
        await self._ask(Call("ensure_event", event.name))
        if event.event_id is not None and event.event_id not in self.events:
            raise EventGone("the event is gone")
        same = (known for known, one in self.events.items() if one.link == event.link)
        event_id = event.event_id or next(same, None) or next(self._ids)
        self.events[event_id] = event
        return event_id

    async def remove_event(self, event: EventSpec) -> None:
        """Delete the event with this id or link."""
        await self._ask(Call("remove_event", event.name))
        self.events = {
            known: one for known, one in self.events.items() if known != event.event_id and one.link != event.link
        }

    async def deliver(self, context: NotificationContext) -> Receipt:
        """Return a message id per notification."""
        await self._ask(Call("deliver", str(context.notification.id), context=context))
        return Receipt(40, 10_000 + context.notification.id)
