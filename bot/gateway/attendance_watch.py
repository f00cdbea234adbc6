"""Records who joins and leaves rooms, and which rooms are deleted."""

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

_MAX_WAITING = 500
"""How many events of a server to keep while they can't be recorded. Beyond that, take a fresh look instead."""
_MAX_TRIES = 8
"""After about 45 seconds, a fresh look replaces an event that can't be recorded: it may itself be the problem."""
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the start of time when nobody has ever watched a server."""


@dataclass(slots=True)
class _Moved:
    """Someone changed voice channels."""

    at: datetime
    user_id: int
    left_id: int | None
    entered_id: int | None
    tries: int = 0


@dataclass(slots=True)
class _Deleted:
    """Someone deleted a channel."""

    at: datetime
    channel_id: int
    tries: int = 0


_Event = _Moved | _Deleted


@dataclass(slots=True)
class _Server:
    """What's left to record for one server."""

    id: int
    waiting: deque[_Event] = field(default_factory=deque)
    gaps: list[datetime | None] = field(default_factory=list)
    """Starts of times when events may have been missed; None means since the last heartbeat."""
    closing: int = 0
    """How many gaps the current look closes. The others began during it."""
    rooms_missed: bool = False
    """Whether a room's deletion may have been missed."""

    def open_gap(self, at: datetime | None) -> None:
        """Open a gap at this time, and drop the waiting events."""
        if at is not None and self.waiting:
            at = min(at, self.waiting[0].at)
        for number in range(self.closing, len(self.gaps)):
            since = self.gaps[number]
            if (since is None) is (at is None):
                self.gaps[number] = min(since, at) if since is not None and at is not None else None
                return
        self.gaps.append(at)

    def add(self, event: _Event) -> None:
        """Queue an event, unless an upcoming look will cover it."""
        if self.gaps and not self.closing:
            self.rooms_missed |= isinstance(event, _Deleted)
            return
        self.waiting.append(event)
        if len(self.waiting) > _MAX_WAITING:
            self.open_gap(event.at)
            self.drop()

    def drop(self) -> None:
        """Drop waiting events and open a gap in their place."""
        self.rooms_missed |= any(isinstance(event, _Deleted) for event in self.waiting)
        self.waiting.clear()

    @property
    def is_behind(self) -> bool:
        """Whether anything is left to record."""
        return bool(self.gaps or self.waiting)

    @property
    def unwatched_since(self) -> datetime | None:
        """Return the start of the earliest unrecorded time; None means since the last heartbeat."""
        known = [since for since in self.gaps if since is not None]
        if len(known) < len(self.gaps):
            return None
        return min(known) if known else self.waiting[0].at


class AttendanceWatch:
    """Keeps attendance complete across lost connections and database failures.

    The plain methods queue what happened, with the time, in the order of their calls. One lane per server records
    it. `wake` is called when something becomes due, `sweep` when rooms may have been deleted unnoticed.
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
        """Only servers with something left to record."""
        self._lost_at: datetime | None = None
        self._begun = False

    def unwatched(self) -> Mapping[int, datetime] | None:
        """Servers with unrecorded time, each with its start; None if no server is watched."""
        since = {one.id: one.unwatched_since for one in self._servers.values() if one.is_behind}
        known = {guild_id: at for guild_id, at in since.items() if at is not None}
        return known if self._begun and self._lost_at is None and len(known) == len(since) else None

    def start(self) -> None:
        """Start a new gateway session: take a fresh look, and count the time before it as unwatched."""
        for guild in self._client.guilds:
            self._resync_soon(guild.id, self._lost_at)
        self._lost_at, self._begun = None, True

    def connection_lost(self) -> None:
        """Note that the connection broke. Events are missed from now on, unless it resumes."""
        self._lost_at = self._lost_at or self._clock()

    def resumed(self) -> None:
        """Note that Discord has replayed all missed events."""
        self._lost_at = None

    def guild_lost(self, guild_id: int) -> None:
        """Note that this server sends no events for now."""
        if self._begun:
            self._server(guild_id).open_gap(self._clock())

    def guild_back(self, guild_id: int) -> None:
        """Note that this server sends events again."""
        if self._begun and guild_id in self._servers:
            self._servers[guild_id].rooms_missed = True
            self._run(guild_id)

    def joined(self, guild_id: int, since: datetime | None = None) -> None:
        """Start watching a server. `since` is when the bot last left it, if it was there before."""
        if self._begun:
            self._resync_soon(guild_id, since or self._clock())

    def moved(self, guild_id: int, user_id: int, left_id: int | None, entered_id: int | None) -> None:
        """Queue a change of voice channels."""
        if self._begun and left_id != entered_id:  # mute and deafen arrive as voice states too
            self._add(guild_id, _Moved(self._clock(), user_id, left_id, entered_id))

    def deleted(self, guild_id: int, channel_id: int) -> None:
        """Queue a deletion; a room that's still needed has to be created again."""
        if self._begun:
            self._add(guild_id, _Deleted(self._clock(), channel_id))

    def _server(self, guild_id: int) -> _Server:
        return self._servers.setdefault(guild_id, _Server(guild_id))

    def _add(self, guild_id: int, event: _Event) -> None:
        self._server(guild_id).add(event)
        self._run(guild_id)

    def _resync_soon(self, guild_id: int, since: datetime | None) -> None:
        self._server(guild_id).open_gap(since)
        self._run(guild_id)

    def _run(self, guild_id: int) -> None:
        server = self._servers[guild_id]
        self._lanes.run(f"recording who is in the rooms of guild {guild_id}", lambda: self._step(server))

    async def _step(self, server: _Server) -> bool:
        """Record one event or take one look. Returns whether there's more."""
        if server.gaps:
            last = await self._last_known(server.id) if None in server.gaps else _ALWAYS
            known = [since or last for since in server.gaps]
            server.gaps[:] = known
            guild = self._client.get_guild(server.id)
            if guild is None or guild.unavailable:
                return False  # wait until Discord sends events for it again
            await self._resync(server, guild, min(known))
        elif server.waiting:
            await self._record(server, server.waiting[0])
        if not server.is_behind:
            del self._servers[server.id]
        return server.is_behind

    async def _last_known(self, guild_id: int) -> datetime:
        async with self._db.read() as session:
            return await attendance.watched_until(session, guild_id) or _ALWAYS

    async def _resync(self, server: _Server, guild: discord.Guild, since: datetime) -> None:
        """Bring the recorded attendance in line with who is in the rooms now."""
        now, inside = self._clock(), _people_in_rooms(guild)
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
            if event.tries >= _MAX_TRIES:
                server.open_gap(event.at)
            raise
        if server.waiting and server.waiting[0] is event:  # `drop` may have removed it meanwhile
            server.waiting.popleft()
        if is_due:
            self._wake()

    async def _write(self, event: _Event) -> bool:
        """Record an event, locking only if it's about our rooms. Returns whether anything became due."""
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
                return await rooms.handle_deleted_channel(session, event.channel_id, event.at)
            if event.entered_id is not None:
                await attendance.record_join(session, event.entered_id, event.user_id, event.at)
            return event.left_id is not None and await attendance.record_leave(
                session, event.left_id, event.user_id, event.at
            )


def _people_in_rooms(guild: discord.Guild) -> dict[int, set[int]]:
    """Map channel ids to user ids. Without a member cache `members` is empty, but `voice_states` isn't."""
    return {channel.id: set(channel.voice_states) for channel in guild.voice_channels}
