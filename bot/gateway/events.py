"""Records gateway events in order and retries until the database has them.

discord.py runs handlers as tasks, which overtake each other and whose errors are only logged.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import discord

from bot.gateway import permission_watch, regained
from bot.gateway.attendance_watch import AttendanceWatch
from bot.gateway.joined_servers import JoinedServers
from bot.gateway.lanes import Lanes
from bot.gateway.retries import Retries
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.loop.ports import Discord
from scheduler.servers import welcome
from scheduler.servers.settings import GuildDefaults

log = logging.getLogger(__name__)

_TO_BEGIN = timedelta(seconds=10)
"""How long the loop's start waits for the first look into the rooms."""


class Gateway:
    """Queues each event at once, and records it in lanes until the database has it.

    `serves` says whether the bot is for a server. `wake` and `sweep` as for `AttendanceWatch`.
    """

    def __init__(
        self,
        client: discord.Client,
        db: Database,
        port: Discord,
        defaults: GuildDefaults,
        clock: Clock,
        *,
        serves: Callable[[int], bool],
        wake: Callable[[], None],
        sweep: Callable[[], None],
    ) -> None:
        self._client, self._db, self._defaults, self._clock = client, db, defaults, clock
        self._serves, self._wake = serves, wake
        self._lanes = Lanes()
        self._watch = AttendanceWatch(client, db, clock, self._lanes, wake=wake, sweep=sweep)
        self._joined_servers = JoinedServers(db, port, clock, self._lanes, on_return=self._returned)
        self._retries = Retries(db, clock, self._lanes, wake=wake)
        self._to_check: set[int] = set()
        self._maybe_new: set[int] = set()
        self._joined: set[int] = set()
        self.is_connected = False
        self.has_begun = False
        """Whether Discord has sent READY."""
        self.events: Mapping[str, Callable[..., None]] = {
            "ready": self._ready,
            "resumed": self._resumed,
            "disconnect": self._disconnected,
            "guild_join": self._guild_joined,
            "guild_remove": self._guild_left,
            "guild_available": self._guild_back,
            "guild_unavailable": lambda guild: self._watch.guild_lost(guild.id),
            "voice_state_update": self._moved,
            "guild_channel_delete": self._channel_deleted,
            "guild_channel_update": self._channel_changed,
            "guild_role_update": self._role_changed,
            "guild_role_delete": lambda role: self._deleted(role.guild),
            "member_update": self._member_changed,
        }
        """The handlers by discord.py's event names."""

    def record(self, event: str, *facts: Any) -> None:
        """Queue an event with the current time. Never raises: that would break the connection."""
        handler = self.events.get(event)
        if handler is None:
            return
        try:
            handler(*facts)
        except Exception:
            log.exception("can't record %s", event)

    def unwatched(self) -> Mapping[int, datetime] | None:
        """As `AttendanceWatch.unwatched`."""
        return self._watch.unwatched()

    @property
    def trouble(self) -> str | None:
        """Why events can't be recorded at the moment; None if they can."""
        why = self._lanes.trouble
        return None if why is None else f"can't store what Discord sent ({why}); still trying"

    async def wait_until_tried(self) -> None:
        """Wait briefly until everything queued has been tried once."""
        await self._lanes.wait_until_tried(_TO_BEGIN)

    async def stop(self) -> None:
        """Finish what's possible at once, and stop listening."""
        await self._lanes.stop()

    def _ready(self) -> None:
        """Compare everything with the database. Discord also sends this after a lost connection."""
        self.is_connected = self.has_begun = True
        self._watch.start()
        self._joined_servers.compare()
        self._retries.retry()
        for guild in self._client.guilds:
            if not guild.unavailable and self._serves(guild.id):
                self._maybe_new.add(guild.id)
                self._check_soon(guild)
        self._greet_soon()

    def _resumed(self) -> None:
        self.is_connected = True
        self._watch.resumed()
        self._retries.retry()

    def _disconnected(self) -> None:
        self.is_connected = False
        self._watch.connection_lost()

    def _guild_joined(self, guild: discord.Guild) -> None:
        self._watch.joined(guild.id)
        self._joined_servers.joined(guild.id)
        self._check_soon(guild)
        if self._serves(guild.id):
            self._joined.add(guild.id)
            self._greet_soon()

    def _returned(self, guild_id: int, since: datetime) -> None:
        """Start watching a server to which the bot has returned; `since` is when it left."""
        self._watch.joined(guild_id, since)
        self._wake()

    def _guild_left(self, guild: discord.Guild) -> None:
        self._watch.guild_lost(guild.id)
        self._joined_servers.removed(guild.id)

    def _guild_back(self, guild: discord.Guild) -> None:
        self._watch.guild_back(guild.id)
        self._check_soon(guild)
        if self.has_begun:  # discord.py sends this for every server before READY too
            self._joined_servers.joined(guild.id)
            self._retries.retry(guild.id)

    def _moved(self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState) -> None:
        # `after` is discord.py's own object, which the next event changes.
        left, entered = (state.channel.id if state.channel else None for state in (before, after))
        self._watch.moved(member.guild.id, member.id, left, entered)

    def _channel_deleted(self, channel: discord.abc.GuildChannel) -> None:
        self._watch.deleted(channel.guild.id, channel.id)
        self._deleted(channel.guild)

    def _deleted(self, guild: discord.Guild) -> None:
        """Retry what failed because the server had as many channels or roles as Discord allows."""
        self._check_soon(guild)
        if regained.by_deletion(guild):
            self._retries.retry(guild.id)

    def _channel_changed(self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel) -> None:
        self._check_soon(after.guild)
        if regained.by_channel(after.guild.me, before, after):
            self._retries.retry_all(after.guild.id)

    def _role_changed(self, before: discord.Role, after: discord.Role) -> None:
        self._check_soon(after.guild)
        if regained.by_role(after.guild.me, before, after):
            self._retries.retry_all(after.guild.id)

    def _member_changed(self, before: discord.Member, after: discord.Member) -> None:
        """React to changes of the bot's own roles. Without the intent, Discord sends no other members."""
        if self._client.user is not None and after.id == self._client.user.id:
            self._check_soon(after.guild)
            if regained.by_member(before, after):
                self._retries.retry_all(after.guild.id)

    def _check_soon(self, guild: discord.Guild) -> None:
        """Check soon whether the bot still has its permissions, roles and channels there."""
        if self.has_begun and self._serves(guild.id):
            guild_id = guild.id
            self._to_check.add(guild_id)
            what = f"checking permissions, roles and channels of guild {guild_id}"
            self._lanes.run(what, lambda: self._check(guild_id))

    async def _check(self, guild_id: int) -> bool:
        self._to_check.remove(guild_id)  # removed first, because a change during the check needs another one
        guild, user = self._client.get_guild(guild_id), self._client.user
        me = guild.get_member(user.id) if guild and user and not guild.unavailable else None
        try:
            if me is not None and await permission_watch.inspect_server(self._db, self._clock, me):
                self._wake()
        except Exception:
            self._to_check.add(guild_id)
            raise
        return guild_id in self._to_check

    def _greet_soon(self) -> None:
        self._lanes.run("greeting servers", self._greet)

    async def _greet(self) -> bool:
        """Send the welcome message once, also to servers that the bot joined while offline."""
        maybe_new, joined = set(self._maybe_new), set(self._joined)
        async with self._db.begin() as session:
            await welcome.greet_new(session, maybe_new, self._defaults, self._clock())
            for guild_id in sorted(joined):
                await welcome.greet(session, guild_id, self._defaults, self._clock())
        self._maybe_new -= maybe_new
        self._joined -= joined
        self._wake()
        return bool(self._maybe_new or self._joined)
