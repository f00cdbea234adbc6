"""Records when the bot joins or leaves a server."""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from bot.gateway.lanes import Lanes
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.loop.ports import Discord
from scheduler.notifications import bot_removal
from scheduler.servers import bot_membership


class _Change(NamedTuple):
    """The bot joined or left a server."""

    at: datetime
    guild_id: int
    is_here: bool


class JoinedServers:
    """Keeps track of which servers the bot is in, in the order of Discord's events.

    `on_return` is called with a server that the bot returned to, and since when (UTC) it was away.
    """

    def __init__(
        self,
        db: Database,
        port: Discord,
        clock: Clock,
        lanes: Lanes,
        *,
        on_return: Callable[[int, datetime], None],
    ) -> None:
        self._db, self._port, self._clock, self._lanes, self._on_return = db, port, clock, lanes, on_return
        self._changes: deque[_Change] = deque()
        self._to_compare = False

    def compare(self) -> None:
        """Compare all servers with the database, because events may have been missed."""
        self._changes.clear()  # the comparison covers them
        self._to_compare = True
        self._run()

    def joined(self, guild_id: int) -> None:
        """Queue that the bot is in a server, perhaps one it was removed from."""
        self._add(_Change(self._clock(), guild_id, is_here=True))

    def removed(self, guild_id: int) -> None:
        """Queue that the bot was removed from a server."""
        self._add(_Change(self._clock(), guild_id, is_here=False))

    def _add(self, change: _Change) -> None:
        self._changes.append(change)
        self._run()

    def _run(self) -> None:
        self._lanes.run("recording which servers the bot is in", self._record_next)

    async def _record_next(self) -> bool:
        """Record one change. Returns whether there's more."""
        if self._to_compare:
            self._to_compare = False
            try:
                away = await bot_membership.catch_up(self._db, self._port, self._clock, just_told=True)
            except Exception:
                self._to_compare = True
                raise
            for guild_id, since in away.items():
                self._on_return(guild_id, since)
        elif self._changes:
            change = self._changes[0]
            await self._write(change)
            if self._changes and self._changes[0] is change:  # `compare` may have cleared the queue meanwhile
                self._changes.popleft()
        return self._to_compare or bool(self._changes)

    async def _write(self, change: _Change) -> None:
        since = None
        if change.is_here:
            async with self._db.read() as session:  # usually the bot was there all the time
                if not await bot_removal.is_removed(session, change.guild_id):
                    return
        async with self._db.begin() as session:
            if change.is_here:
                since = await bot_membership.resume(session, change.guild_id, change.at)
            else:
                await bot_removal.record_removal(session, change.guild_id, change.at)
        if since is not None:
            self._on_return(change.guild_id, since)
