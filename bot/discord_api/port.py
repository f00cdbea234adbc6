"""Implements `scheduler.loop.ports` with discord.py. Without a gateway, it can't know who is in a room."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta

import discord

from bot.discord_api import rooms, scheduled_events, server_setup, session_roles
from bot.discord_api.errors import (
    CALL_TIMEOUT,
    UNKNOWN_CHANNEL,
    UNKNOWN_MEMBER,
    UNKNOWN_ROLE,
    Attempt,
    expect_gone,
    translate_errors,
)
from bot.discord_api.messages import MakeClickable, Messages, Rendered
from bot.discord_api.names import find_member
from models import Guild
from scheduler.attendance.ports import Barrier
from scheduler.core.errors import DiscordFailure, RoomGone, Unreachable
from scheduler.notifications.kinds import NotificationContext
from scheduler.notifications.ports import Receipt
from scheduler.rooms.ports import Access, Removal, RoomSeen, RoomSpec
from scheduler.servers.resources import ServerResource, SetupIssue
from scheduler.workshops.ports import EventSpec

_MANAGE_ROLES = discord.Permissions(manage_roles=True)
_MANAGE_ROOM = discord.Permissions(manage_channels=True, view_channel=True, connect=True)


def _nobody(_context: NotificationContext) -> list[int]:
    return []


def _as_it_is(view: discord.ui.LayoutView, *, in_server: bool) -> None:
    """Change nothing."""


class DiscordPort:
    """Rooms, roles and messages through one client.

    `render` builds a message (given the server's name), `mark` returns the end of its last line, by which it's
    found again, `mentions` says whom it pings, and `make_clickable` changes the commands in it.
    """

    def __init__(
        self,
        client: discord.Client,
        render: Callable[[NotificationContext, str], Rendered],
        mark: Callable[[NotificationContext], str],
        mentions: Callable[[NotificationContext], list[int]] = _nobody,
        make_clickable: MakeClickable = _as_it_is,
        *,
        gateway: bool = True,
        patience: timedelta = CALL_TIMEOUT,
    ) -> None:
        self._client, self._gateway, self._patience = client, gateway, patience
        self._one_at_a_time: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._messages = Messages(client, render, mark, mentions, make_clickable)

    def _attempt(self, task: str, guild_id: int | None = None) -> AbstractAsyncContextManager[Attempt]:
        return translate_errors(self._client, task, guild_id, patience=self._patience)

    def servers(self) -> Collection[int] | None:
        """Return the servers known from the gateway; None before it has connected."""
        return {one.id for one in self._client.guilds} if self._gateway and self._client.is_ready() else None

    async def ensure_room(self, room: RoomSpec) -> int:
        """Return the room's id. Creates the room, hidden from everyone, if it doesn't exist.

        discord.py repeats a creation answered with a 5xx, so an empty twin is deleted afterwards.
        """
        async with self._attempt("create the room", room.guild_id) as attempt:
            guild = await self._guild(room.guild_id)
            there = await guild.fetch_channels()
            existing = rooms.find(there, room, self._own_id)
            if not existing:
                rules = rooms.overwrites(guild, self._own_id, None)
                made_id = await rooms.create(attempt, guild, room, rules, there, self._one_at_a_time[guild.id])
                made = replace(room, channel_id=made_id)  # the known room may have been deleted
                existing = rooms.find(await guild.fetch_channels(), made, self._own_id)
                existing.sort(key=lambda one: one.id)
            if not existing:
                raise DiscordFailure("can't create the room: Discord confirmed it, but it doesn't exist")
            for twin in existing[1:]:
                if self._knows_who_is_inside(room.guild_id) and not twin.voice_states:
                    attempt.require(_MANAGE_ROOM, twin.id)
                    await twin.delete(reason=f"{room.reason}: created twice")
            return existing[0].id

    async def ensure_role(self, room: RoomSpec) -> int:
        """Return the id of the session's role. Creates the role, without permissions, if it doesn't exist."""
        async with self._attempt("create the session's role", room.guild_id) as attempt:
            return await session_roles.ensure(attempt, await self._guild(room.guild_id), room)

    async def open_room(self, room: RoomSpec, access: Access) -> None:
        """Let exactly these people in. One request sets all overwrites and so undoes changes by hand.

        In role mode, people who had the role before keep it; `set_role` takes it away.
        """
        async with self._attempt("open the room", room.guild_id) as attempt:
            guild = await self._guild(room.guild_id)
            channel = next(iter(rooms.find(await guild.fetch_channels(), room, self._own_id)), None)
            if channel is None:
                raise RoomGone("the room no longer exists")
            if access.role_id is not None:
                await session_roles.give(attempt, guild, access.role_id, access.user_ids, reason=room.reason)
            attempt.require(rooms.guest_permissions(access) | _MANAGE_ROOM | _MANAGE_ROLES, channel.id)
            with expect_gone(UNKNOWN_CHANNEL, otherwise=RoomGone("the room no longer exists")):
                await channel.edit(overwrites=rooms.overwrites(guild, self._own_id, access), reason=room.reason)

    async def remove_room(self, room: RoomSpec, *, even_if_occupied: bool) -> Removal:
        """Delete the room and its twins, unless someone is inside, then the session's role."""
        async with self._attempt("delete the room", room.guild_id) as attempt:
            guild = await self._guild(room.guild_id)
            channels = rooms.find(await guild.fetch_channels(), room, self._own_id)
            if channels and not self._knows_who_is_inside(room.guild_id) and not even_if_occupied:
                return Removal.UNKNOWN
            # Without a member cache `members` is empty, but `voice_states` isn't.
            if any(channel.voice_states for channel in channels) and not even_if_occupied:
                return Removal.OCCUPIED
            for channel in channels:
                attempt.require(_MANAGE_ROOM, channel.id)
                try:
                    await channel.delete(reason=room.reason)
                except discord.NotFound:
                    continue  # already deleted
            await session_roles.remove(attempt, guild, room)
            return Removal.REMOVED

    async def ensure_event(self, event: EventSpec) -> int:
        """Return the id of the workshop's scheduled event. Creates or changes it if needed."""
        async with self._attempt("keep the scheduled event up to date", event.guild_id) as attempt:
            guild = await self._guild(event.guild_id)
            return await scheduled_events.ensure(attempt, guild, event, self._own_id)

    async def remove_event(self, event: EventSpec) -> None:
        """Delete the workshop's scheduled event, if it's there."""
        async with self._attempt("delete the scheduled event", event.guild_id) as attempt:
            await scheduled_events.remove(attempt, await self._guild(event.guild_id), event, self._own_id)

    async def voice_rooms(self, guild_id: int) -> list[RoomSeen]:
        """Request all voice channels of the server."""
        async with self._attempt("list the rooms", guild_id):
            channels = await (await self._guild(guild_id)).fetch_channels()
            return [
                RoomSeen(one.id, one.name, rooms.is_made_by(self._own_id, one))
                for one in channels
                if isinstance(one, discord.VoiceChannel)
            ]

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        """Request whether this person is in the server."""
        return await self.member_name(guild_id, user_id) is not None

    async def member_name(self, guild_id: int, user_id: int) -> str | None:
        """Request the person's server nickname, or else their name."""
        async with self._attempt("find the person", guild_id):
            member = await find_member(await self._guild(guild_id), user_id)
            return member.display_name if member is not None else None

    async def barrier(self, guild_id: int, user_id: int, room_id: int | None, at: datetime) -> Barrier | None:
        """Request what keeps this person out of this room."""
        async with self._attempt("find out what kept the person out", guild_id):
            guild = await self._guild(guild_id)
            member = await find_member(guild, user_id)
            if member is None:
                return Barrier.LEFT
            channels = await guild.fetch_channels() if room_id is not None else []
            room = next((one for one in channels if one.id == room_id), None)
            return rooms.barrier(member, room if isinstance(room, discord.VoiceChannel) else None, at)

    async def set_role(self, guild_id: int, user_id: int, role_id: int, *, wanted: bool) -> None:
        """Give or take a role. Changes nothing if that's already done."""
        async with self._attempt("give or take the role", guild_id) as attempt:
            attempt.require(_MANAGE_ROLES, role_id=role_id)
            attempt.if_unexplained = "the bot needs Manage Roles, and its highest role must be above that role"
            guild = await self._guild(guild_id)
            try:
                member = await guild.fetch_member(user_id)
                if wanted == any(role.id == role_id for role in member.roles):
                    return
                change = member.add_roles if wanted else member.remove_roles
                await change(discord.Object(role_id), reason="Coach application decided")
            except discord.NotFound as error:
                if error.code == UNKNOWN_MEMBER:
                    raise Unreachable("the person has left the server") from error
                if error.code != UNKNOWN_ROLE:
                    raise
                if wanted:  # otherwise nobody has it any more
                    reason = "can't give the role: it no longer exists; choose one with `/coaching setup`"
                    raise DiscordFailure(reason, for_admins=True) from error

    async def look_around(self, settings: Guild) -> list[SetupIssue]:
        """Request what the bot is missing in the server, and what isn't set or no longer exists."""
        async with self._attempt("check the server", settings.id):
            me, channels = await server_setup.fetch(self._client, settings.id)
            return server_setup.find_issues(me, channels, settings)

    async def ensure_place(self, settings: Guild, place: ServerResource) -> int:
        """Return the id of a channel, category or role, creating it if needed. Concurrent callers share one."""
        task = f"create the {place.replace('_', ' ')}"
        async with self._attempt(task, settings.id) as attempt, self._one_at_a_time[settings.id]:
            return await server_setup.ensure(attempt, self._client, settings, place)

    async def deliver(self, context: NotificationContext) -> Receipt:
        """Send the message, edit the one that was sent, or find the one whose answer was lost."""
        async with self._attempt("deliver the message") as attempt:
            try:
                guild = await self._guild(context.guild.id)
            except discord.HTTPException:
                attempt.guild_id = context.guild.id  # not about a person
                raise
            return await self._messages.deliver(attempt, context, guild)

    async def _guild(self, guild_id: int) -> discord.Guild:
        """Return the server, requested if the cache lacks it: between READY and its own event it's a stub."""
        cached = self._client.get_guild(guild_id)
        if cached is not None and not cached.unavailable:
            return cached
        return await self._client.fetch_guild(guild_id, with_counts=False)

    @property
    def _own_id(self) -> int:
        assert self._client.user is not None, "log in before calling Discord"
        return self._client.user.id

    def _knows_who_is_inside(self, guild_id: int) -> bool:
        cached = self._client.get_guild(guild_id)
        return self._gateway and cached is not None and not cached.unavailable
