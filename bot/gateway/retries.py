"""Has what failed tried again before its time when Discord gives reason to think that it works now."""

from collections.abc import Callable

from bot.gateway.lanes import Lanes
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.loop import retries


class Retrying:
    """Brings forward what waits out a pause. `wake` is called when something became due."""

    def __init__(self, db: Database, clock: Clock, lanes: Lanes, *, wake: Callable[[], None]) -> None:
        self._db, self._clock, self._lanes, self._wake = db, clock, lanes, wake
        self._where: dict[int | None, bool] = {}
        """Servers (None: all), each with whether what was given up is tried, too; in order."""

    def reachable(self, guild_id: int | None = None) -> None:
        """Discord answers again, in this server or everywhere."""
        self._where.setdefault(guild_id, False)
        self._run()

    def allowed(self, guild_id: int) -> None:
        """An admin gave the bot something in this server: what was given up is tried once more, too."""
        self._where[guild_id] = True
        self._run()

    def _run(self) -> None:
        self._lanes.run("trying again what failed", self._try)

    async def _try(self) -> bool:
        """See to one of them; whether there is more."""
        guild_id, anew = next(iter(self._where.items()))
        del self._where[guild_id]  # before the try: what is heard during it is another reason
        try:
            if anew and guild_id is not None:
                found = await retries.begin_anew(self._db, self._clock, guild_id)
            else:
                found = await retries.bring_forward(self._db, self._clock, guild_id)
        except Exception:
            self._where[guild_id] = anew or self._where.get(guild_id, False)
            raise
        if found:
            self._wake()
        return bool(self._where)
