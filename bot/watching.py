"""What the gateway tells about rooms: who enters and leaves them, and that somebody deleted one."""

from collections.abc import Collection
from datetime import datetime

import discord

from models.database import Database
from scheduler import attendance, rooms
from scheduler.clock import Clock


class Watch:
    """Keeps attendance true, also over lost connections, in which nobody tells who came and went."""

    def __init__(self, client: discord.Client, db: Database, clock: Clock) -> None:
        self._client, self._db, self._clock = client, db, clock
        self._lost_at: datetime | None = None
        self._begun = False
        self._away: dict[int, datetime] = {}
        """Servers that Discord itself cannot reach, and since when."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing can have escaped it since it last said so."""
        return self._begun and self._lost_at is None

    async def begin(self) -> None:
        """A new session with the gateway: see who is inside, and write down what nobody watched."""
        async with self._db.begin() as session:
            since = self._lost_at or await attendance.watched_until(session)
            here = [guild for guild in self._client.guilds if not guild.unavailable]
            for guild in self._client.guilds:
                if guild.unavailable:
                    self._away.setdefault(guild.id, since or self._clock())
            await attendance.look_afresh(session, _ids(here), _inside(here), since, self._clock())
        self._lost_at, self._begun = None, True

    def lost(self) -> None:
        """The connection broke; unless it resumes, events are missed from now on."""
        self._lost_at = self._lost_at or self._clock()

    def resumed(self) -> None:
        """Discord has sent all that was missed."""
        self._lost_at = None

    def guild_lost(self, guild: discord.Guild) -> None:
        """Discord itself cannot reach this server for a while."""
        self._away.setdefault(guild.id, self._clock())

    async def guild_back(self, guild: discord.Guild) -> None:
        """It can again: as at the beginning, for this server alone."""
        since = self._away.pop(guild.id, None)
        if since is not None:
            async with self._db.begin() as session:
                await attendance.look_afresh(session, [guild.id], _inside([guild]), since, self._clock())

    async def moved(self, user_id: int, left_id: int | None, entered_id: int | None) -> bool:
        """Somebody changed voice channels; whether a room that is to go may have become empty."""
        channel_ids = [one for one in (left_id, entered_id) if one is not None]
        if left_id == entered_id:
            return False  # muted, say
        async with self._db.read() as session:
            if not await attendance.is_any_room(session, channel_ids):
                return False
        now = self._clock()
        async with self._db.begin() as session:
            if entered_id is not None:
                await attendance.came(session, entered_id, user_id, now)
            return left_id is not None and await attendance.went(session, left_id, user_id, now)

    async def deleted(self, channel_id: int) -> bool:
        """Somebody deleted a channel; whether it was a room that is needed, and that has to be made again."""
        async with self._db.read() as session:
            if not await attendance.is_any_room(session, [channel_id]):
                return False
        async with self._db.begin() as session:
            return await rooms.channel_deleted(session, channel_id, self._clock())


def _ids(guilds: Collection[discord.Guild]) -> list[int]:
    return [guild.id for guild in guilds]


def _inside(guilds: Collection[discord.Guild]) -> dict[int, set[int]]:
    """Channel id → user ids. Without a member cache `members` is empty; `voice_states` is not."""
    return {channel.id: set(channel.voice_states) for guild in guilds for channel in guild.voice_channels}
