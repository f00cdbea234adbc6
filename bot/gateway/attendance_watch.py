"""What the gateway tells about rooms: who enters and leaves them, and that somebody deleted one."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import discord

from bot.gateway.lanes import Lanes
from models.storage.database import Database
from scheduler.attendance import attendance
from scheduler.core.clock import Clock
from scheduler.rooms import rooms

_MOST_WAITING = 500
"""Events of one server that are kept while they cannot be recorded; with more, a fresh look takes their place."""
_MOST_TRIES = 8
"""After about 45 seconds a fresh look takes an event's place, too: the event itself may be what is wrong."""
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when nobody watched where nobody ever did."""


@dataclass(slots=True)
class _Moved:
    """Somebody changed voice channels."""

    at: datetime
    user_id: int
    left_id: int | None
    entered_id: int | None
    tries: int = 0


@dataclass(slots=True)
class _Deleted:
    """Somebody deleted a channel."""

    at: datetime
    channel_id: int
    tries: int = 0


_Event = _Moved | _Deleted


@dataclass(slots=True)
class _Server:
    """What is still to be recorded of one server."""

    id: int
    waiting: deque[_Event] = field(default_factory=deque)
    gaps: list[datetime | None] = field(default_factory=list)
    """Since when events may have been missed, so that a fresh look is needed; None: since the last heartbeat."""
    closing: int = 0
    """How many of them are closed by the look that is being taken; the others began during it."""
    rooms_missed: bool = False
    """Whether a deleted room may have gone unnoticed."""

    def miss(self, at: datetime | None) -> None:
        """Events may be missed from this instant on, and with those that wait."""
        if at is not None and self.waiting:
            at = min(at, self.waiting[0].at)
        for number in range(self.closing, len(self.gaps)):
            since = self.gaps[number]
            if (since is None) is (at is None):
                self.gaps[number] = min(since, at) if since is not None and at is not None else None
                return
        self.gaps.append(at)

    def add(self, event: _Event) -> None:
        """Record this after what came before, unless a fresh look is still going to see it."""
        if self.gaps and not self.closing:
            self.rooms_missed |= isinstance(event, _Deleted)
            return
        self.waiting.append(event)
        if len(self.waiting) > _MOST_WAITING:
            self.miss(event.at)
            self.drop()

    def drop(self) -> None:
        """Leave what waits to a fresh look."""
        self.rooms_missed |= any(isinstance(event, _Deleted) for event in self.waiting)
        self.waiting.clear()

    @property
    def is_behind(self) -> bool:
        """Whether something is to be recorded."""
        return bool(self.gaps or self.waiting)

    @property
    def unwatched_since(self) -> datetime | None:
        """From when on something is to be recorded; None: since the last heartbeat."""
        known = [since for since in self.gaps if since is not None]
        if len(known) < len(self.gaps):
            return None
        return min(known) if known else self.waiting[0].at


class Watch:
    """Keeps attendance true, also over lost connections and while the database fails.

    Its plain methods take down what happened, with the instant, in the order in which they are called; a lane for
    each server records it in that order. `wake` is called when something became due, `sweep` when rooms may have
    been deleted unnoticed.
    """

    def __init__(
        self,
        client: discord.Client,
        db: Database,
        clock: Clock,
        lanes: Lanes,
        *,
        wake: Callable[[], None],
        sweep: Callable[[], None],
    ) -> None:
        self._client, self._db, self._clock, self._lanes = client, db, clock, lanes
        self._wake, self._sweep = wake, sweep
        self._servers: dict[int, _Server] = {}
        """Only those of which something is still to be recorded."""
        self._lost_at: datetime | None = None
        self._begun = False

    def unwatched(self) -> Mapping[int, datetime] | None:
        """Servers of which not all is recorded, each with since when; None if nobody watches any of them."""
        since = {one.id: one.unwatched_since for one in self._servers.values() if one.is_behind}
        known = {guild_id: at for guild_id, at in since.items() if at is not None}
        return known if self._begun and self._lost_at is None and len(known) == len(since) else None

    def begin(self) -> None:
        """A new session with the gateway: see who is inside, and write down what nobody watched."""
        for guild in self._client.guilds:
            self._look_soon(guild.id, self._lost_at)
        self._lost_at, self._begun = None, True

    def lost(self) -> None:
        """The connection broke; unless it resumes, events are missed from now on."""
        self._lost_at = self._lost_at or self._clock()

    def resumed(self) -> None:
        """Discord has sent all that was missed."""
        self._lost_at = None

    def guild_lost(self, guild_id: int) -> None:
        """No events come from this server for a while."""
        if self._begun:
            self._server(guild_id).miss(self._clock())

    def guild_back(self, guild_id: int) -> None:
        """They come again."""
        if self._begun and guild_id in self._servers:
            self._servers[guild_id].rooms_missed = True
            self._run(guild_id)

    def joined(self, guild_id: int, since: datetime | None = None) -> None:
        """The bot was let into a server; one in which it was before has been watched by nobody `since` then."""
        if self._begun:
            self._look_soon(guild_id, since or self._clock())

    def moved(self, guild_id: int, user_id: int, left_id: int | None, entered_id: int | None) -> None:
        """Somebody changed voice channels."""
        if self._begun and left_id != entered_id:  # else they were muted, say
            self._add(guild_id, _Moved(self._clock(), user_id, left_id, entered_id))

    def deleted(self, guild_id: int, channel_id: int) -> None:
        """Somebody deleted a channel; a room that is needed has to be made again."""
        if self._begun:
            self._add(guild_id, _Deleted(self._clock(), channel_id))

    def _server(self, guild_id: int) -> _Server:
        return self._servers.setdefault(guild_id, _Server(guild_id))

    def _add(self, guild_id: int, event: _Event) -> None:
        self._server(guild_id).add(event)
        self._run(guild_id)

    def _look_soon(self, guild_id: int, since: datetime | None) -> None:
        self._server(guild_id).miss(since)
        self._run(guild_id)

    def _run(self, guild_id: int) -> None:
        server = self._servers[guild_id]
        self._lanes.run(f"recording who is in the rooms of guild {guild_id}", lambda: self._step(server))

    async def _step(self, server: _Server) -> bool:
        """Record one thing; whether there is more."""
        if server.gaps:
            last = await self._last_known(server.id) if None in server.gaps else _ALWAYS
            known = [since or last for since in server.gaps]
            server.gaps[:] = known
            guild = self._client.get_guild(server.id)
            if guild is None or guild.unavailable:
                return False  # nothing can be seen there until it is back
            await self._look(server, guild, min(known))
        elif server.waiting:
            await self._record(server, server.waiting[0])
        if not server.is_behind:
            del self._servers[server.id]
        return server.is_behind

    async def _last_known(self, guild_id: int) -> datetime:
        async with self._db.read() as session:
            return await attendance.watched_until(session, guild_id) or _ALWAYS

    async def _look(self, server: _Server, guild: discord.Guild, since: datetime) -> None:
        """Bring what is recorded in line with who is inside at this moment."""
        now, inside = self._clock(), _inside(guild)
        server.drop()
        server.closing = len(server.gaps)
        try:
            async with self._db.read() as session:
                is_needed = await attendance.is_any_room_open(session, guild.id)
            if is_needed:
                async with self._db.begin() as session:
                    await attendance.resync(session, [guild.id], inside, since, now)
            del server.gaps[: server.closing]
        finally:
            server.closing = 0
        if server.rooms_missed:
            server.rooms_missed = False
            self._sweep()

    async def _record(self, server: _Server, event: _Event) -> None:
        try:
            is_due = await self._write(event)
        except Exception:
            event.tries += 1
            if event.tries >= _MOST_TRIES:
                server.miss(event.at)
            raise
        if server.waiting and server.waiting[0] is event:  # it may have been left to a fresh look meanwhile
            server.waiting.popleft()
        if is_due:
            self._wake()

    async def _write(self, event: _Event) -> bool:
        """Whether something became due because of it; nothing is locked where no room of ours is concerned."""
        match event:
            case _Moved(left_id=left_id, entered_id=entered_id):
                concerned = [one for one in (left_id, entered_id) if one is not None]
            case _Deleted(channel_id=channel_id):
                concerned = [channel_id]
        async with self._db.read() as session:
            if not await attendance.is_any_room(session, concerned):
                return False
        async with self._db.begin() as session:
            if isinstance(event, _Deleted):
                return await rooms.channel_deleted(session, event.channel_id, event.at)
            if event.entered_id is not None:
                await attendance.record_join(session, event.entered_id, event.user_id, event.at)
            return event.left_id is not None and await attendance.record_leave(
                session, event.left_id, event.user_id, event.at
            )


def _inside(guild: discord.Guild) -> dict[int, set[int]]:
    """Channel id → user ids. Without a member cache `members` is empty; `voice_states` is not."""
    return {channel.id: set(channel.voice_states) for channel in guild.voice_channels}
