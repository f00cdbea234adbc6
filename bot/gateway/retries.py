"""Retries failed work early when Discord gives a reason to."""

from collections.abc import Callable

from bot.gateway.lanes import Lanes
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.loop import retries


class Retries:
    """Brings retries forward. `wake` is called when something becomes due."""

    def __init__(self, db: Database, clock: Clock, lanes: Lanes, *, wake: Callable[[], None]) -> None:
        self._db, self._clock, self._lanes, self._wake = db, clock, lanes, wake
        self._servers: dict[int | None, bool] = {}
        """Servers in order (None: all), and whether to retry what was given up as well."""

    def retry(self, guild_id: int | None = None) -> None:
        """Retry because Discord answers again, in this server or everywhere."""
        self._servers.setdefault(guild_id, False)
        self._run()

    def retry_all(self, guild_id: int) -> None:
        """Retry everything in this server, even what was given up: an admin granted the bot something."""
        self._servers[guild_id] = True
        self._run()

    def _run(self) -> None:
        self._lanes.run("retrying what failed", self._retry_next)

    async def _retry_next(self) -> bool:
        """Retry in one server. Returns whether there's more."""
        guild_id, even_given_up = next(iter(self._servers.items()))
        del self._servers[guild_id]  # removed first, because an event during the attempt is a new reason
        try:
            if even_given_up and guild_id is not None:
                found = await retries.retry_all(self._db, self._clock, guild_id)
            else:
                found = await retries.bring_forward(self._db, self._clock, guild_id)
        except Exception:
            self._servers[guild_id] = even_given_up or self._servers.get(guild_id, False)
            raise
        if found:
            self._wake()
        return bool(self._servers)
