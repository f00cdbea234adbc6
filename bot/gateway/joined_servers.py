"""Notes in the database when the bot is let into a server, and when it is thrown out of one."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.gateway.lanes import Lanes
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.loop.ports import Discord
from scheduler.notifications import bot_removal
from scheduler.servers import bot_membership


@dataclass(frozen=True, slots=True)
class _Change:
    """The bot is in a server, or was thrown out of it."""

    at: datetime
    guild_id: int
    is_here: bool


class JoinedServers:
    """Keeps which servers the bot is in true, in the order in which Discord says it.

    `back` is called with a server to which the bot has returned, and since when (UTC) it was away.
    """

    def __init__(
        self, db: Database, port: Discord, clock: Clock, lanes: Lanes, *, back: Callable[[int, datetime], None]
    ) -> None:
        self._db, self._port, self._clock, self._lanes, self._back = db, port, clock, lanes, back
        self._changes: deque[_Change] = deque()
        self._to_compare = False

    def compare(self) -> None:
        """Anything may have happened while nobody listened: hold all servers against those in the database."""
        self._changes.clear()  # what Discord says now includes them
        self._to_compare = True
        self._run()

    def joined(self, guild_id: int) -> None:
        """The bot is in a server, perhaps one that had thrown it out."""
        self._add(_Change(self._clock(), guild_id, is_here=True))

    def removed(self, guild_id: int) -> None:
        """The bot was thrown out of a server."""
        self._add(_Change(self._clock(), guild_id, is_here=False))

    def _add(self, change: _Change) -> None:
        self._changes.append(change)
        self._run()

    def _run(self) -> None:
        self._lanes.run("noting which servers the bot is in", self._note)

    async def _note(self) -> bool:
        """Note one thing; whether there is more."""
        if self._to_compare:
            self._to_compare = False
            try:
                away = await bot_membership.compare(self._db, self._port, self._clock, just_told=True)
            except Exception:
                self._to_compare = True
                raise
            for guild_id, since in away.items():
                self._back(guild_id, since)
        elif self._changes:
            change = self._changes[0]
            await self._write(change)
            if self._changes and self._changes[0] is change:  # else a comparison has taken its place
                self._changes.popleft()
        return self._to_compare or bool(self._changes)

    async def _write(self, change: _Change) -> None:
        since = None
        if change.is_here:
            async with self._db.read() as session:  # mostly it was there all the time
                if not await bot_removal.is_removed(session, change.guild_id):
                    return
        async with self._db.begin() as session:
            if change.is_here:
                since = await bot_membership.returned(session, change.guild_id, change.at)
            else:
                await bot_removal.removed(session, change.guild_id, change.at)
        if since is not None:
            self._back(change.guild_id, since)
