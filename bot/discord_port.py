"""`scheduler.ports` done with discord.py. It works over REST alone, too; then nobody knows who is in a room."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import discord
from discord.utils import snowflake_time

from bot.permissions import ROOM_GUEST, ROOM_OWN, ROOM_VIDEO
from cogs import ui
from scheduler.notices import Letter
from scheduler.ports import Access, DiscordFailure, Receipt, Removal, RoomGone, RoomSpec, Unreachable

_UNKNOWN_MEMBER, _UNKNOWN_MESSAGE, _UNKNOWN_USER = 10007, 10008, 10013
_DMS_CLOSED = {50007, 50278}  # cannot message this user; no common server
_CLOCKS_DIFFER = timedelta(minutes=2)  # between this host and Discord, when a channel's age is judged
_LOOK_BACK = 50  # messages among which one that may have been sent is looked for

Overwrites = dict[discord.Role | discord.Member | discord.Object, discord.PermissionOverwrite]


class DiscordPort:
    """Rooms, roles and messages through one client.

    `render` makes the words of a notice (given the server's name), `mark` the end of their last line, by which
    the message is found again.
    """

    def __init__(
        self,
        client: discord.Client,
        render: Callable[[Letter, str], ui.Panel],
        mark: Callable[[Letter], str],
        *,
        gateway: bool = True,
    ) -> None:
        self._client, self._render, self._mark, self._gateway = client, render, mark, gateway

    async def ensure_room(self, room: RoomSpec) -> int:
        """The room's id; made hidden from everybody if there is none.

        discord.py repeats a creation whose answer was a 5xx, so afterwards an empty twin is removed.
        """
        async with _in_words("make the room"):
            guild = await self._guild(room.guild_id)
            existing = await self._rooms(guild, room)
            if not existing:
                await guild.create_voice_channel(
                    room.name,
                    category=discord.Object(room.category_id) if room.category_id else None,  # pyright: ignore[reportArgumentType]  (only its id is read)
                    overwrites=self._overwrites(guild, None),
                    reason=room.reason,
                )
                existing = await self._rooms(guild, room)
            if not existing:
                raise DiscordFailure("make the room: Discord said that it was made, but it is not there")
            for twin in existing[1:]:
                if self._knows_who_is_inside(room.guild_id) and not twin.voice_states:
                    await twin.delete(reason=f"{room.reason}: made twice")
            return existing[0].id

    async def open_room(self, room: RoomSpec, access: Access) -> None:
        """Let exactly these people in. One request sets all overwrites, so changes by hand are put right."""
        async with _in_words("open the room"):
            guild = await self._guild(room.guild_id)
            channel = next(iter(await self._rooms(guild, room)), None)
            if channel is None:
                raise RoomGone("the room does not exist any more")
            await channel.edit(overwrites=self._overwrites(guild, access), reason=room.reason)

    async def remove_room(self, room: RoomSpec, *, even_if_occupied: bool) -> Removal:
        """Remove the room and its twins, unless somebody is inside."""
        async with _in_words("remove the room"):
            guild = await self._guild(room.guild_id)
            channels = await self._rooms(guild, room)
            if channels and not self._knows_who_is_inside(room.guild_id):
                return Removal.UNKNOWN
            # Without a member cache `members` is empty; `voice_states` is not.
            if any(channel.voice_states for channel in channels) and not even_if_occupied:
                return Removal.OCCUPIED
            for channel in channels:
                try:
                    await channel.delete(reason=room.reason)
                except discord.NotFound:
                    continue  # somebody was faster; gone is gone
            return Removal.REMOVED

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        """Asked of Discord each time, because without the privileged intent nobody is remembered."""
        async with _in_words("look for the person"):
            guild = await self._guild(guild_id)
            try:
                await guild.fetch_member(user_id)
            except discord.NotFound as error:
                if error.code not in (_UNKNOWN_MEMBER, _UNKNOWN_USER):
                    raise
                return False
            return True

    async def set_role(self, guild_id: int, user_id: int, role_id: int, *, wanted: bool) -> None:
        """Give or take a role; nothing is asked of Discord if it is as wanted already."""
        async with _in_words("change the coach role"):
            guild = await self._guild(guild_id)
            try:
                member = await guild.fetch_member(user_id)
            except discord.NotFound as error:
                if error.code != _UNKNOWN_MEMBER:
                    raise
                raise Unreachable("the person has left the server") from error
            if wanted == any(role.id == role_id for role in member.roles):
                return
            change = member.add_roles if wanted else member.remove_roles
            try:
                await change(discord.Object(role_id), reason="Coach application decided")
            except discord.Forbidden as error:
                raise DiscordFailure(
                    "cannot give or take the coach role: the bot needs Manage Roles, and its own highest role "
                    "has to stand above the coach role"
                ) from error

    async def deliver(self, letter: Letter) -> Receipt:
        """Send the notice, edit the message that it became, or find the one whose answer was lost."""
        async with _in_words("deliver the message"):
            channel = await self._channel_for(letter)
            known = letter.notice.message_id
            if known is None and letter.maybe_sent:
                known = await self._find(channel, letter)
            panel = self._render(letter, (await self._guild(letter.guild.id)).name)
            if known is not None:
                try:
                    edited = await channel.get_partial_message(known).edit(
                        view=panel, attachments=panel.files, allowed_mentions=ui.NO_MENTIONS
                    )
                    return Receipt(channel.id, edited.id)
                except discord.NotFound as error:
                    if error.code != _UNKNOWN_MESSAGE:
                        raise
                    # Somebody deleted it. It is owed all the same: send it anew.
            sent = await channel.send(
                view=panel,
                files=panel.files,
                nonce=f"notice-{letter.notice.id}",
                allowed_mentions=ui.NO_MENTIONS,
            )
            return Receipt(channel.id, sent.id)

    async def _channel_for(self, letter: Letter) -> discord.DMChannel | discord.TextChannel:
        if letter.notice.user_id is not None:
            return await self._client.create_dm(discord.Object(letter.notice.user_id))
        channel_id = letter.notice.channel_id or letter.guild.review_channel_id
        assert channel_id is not None, "the domain delivers to channels only once one is set"
        channel = await self._client.fetch_channel(channel_id)
        if not isinstance(channel, discord.TextChannel) or channel.guild.id != letter.guild.id:
            raise Unreachable("the review channel is no text channel of this server")
        return channel

    async def _find(self, channel: discord.DMChannel | discord.TextChannel, letter: Letter) -> int | None:
        mark = self._mark(letter)
        async for message in channel.history(limit=_LOOK_BACK):
            mine = self._client.user is not None and message.author.id == self._client.user.id
            # Only the last line is ours alone; anything above may hold what people wrote.
            last = message.components[-1] if message.components else None
            if mine and isinstance(last, discord.TextDisplay) and last.content.endswith(mark):
                return message.id
        return None

    async def _guild(self, guild_id: int) -> discord.Guild:
        """The server, asked for where the cache does not hold it: between READY and its own event it is a stub."""
        cached = self._client.get_guild(guild_id)
        if cached is not None and not cached.unavailable:
            return cached
        return await self._client.fetch_guild(guild_id, with_counts=False)

    def _knows_who_is_inside(self, guild_id: int) -> bool:
        cached = self._client.get_guild(guild_id)
        return self._gateway and cached is not None and not cached.unavailable

    async def _rooms(self, guild: discord.Guild, room: RoomSpec) -> list[discord.VoiceChannel]:
        """Channels that are this room: the stored one first, then those of its name that are young enough.

        A channel that merely looks like ours was made before we meant to make one, so it is left alone.
        """
        since = room.intended_at - _CLOCKS_DIFFER
        found = [
            channel
            for channel in await guild.fetch_channels()
            if isinstance(channel, discord.VoiceChannel)
            and (
                channel.id == room.channel_id
                or (channel.name == room.name and snowflake_time(channel.id) >= since)
            )
        ]
        return sorted(found, key=lambda channel: (channel.id != room.channel_id, channel.id))

    def _overwrites(self, guild: discord.Guild, access: Access | None) -> Overwrites:
        """Nobody but the bot and, once the room opens, its two people."""
        assert self._client.user is not None, "nothing is asked of Discord before logging in"
        overwrites: Overwrites = {
            guild.default_role: discord.PermissionOverwrite(view_channel=False, connect=False),
            discord.Object(self._client.user.id): _allow(ROOM_OWN),
        }
        if access is not None:
            guest = discord.Permissions(ROOM_GUEST.value | (ROOM_VIDEO.value if access.video else 0))
            overwrites |= {discord.Object(user_id): _allow(guest) for user_id in access.user_ids}
        return overwrites


def _allow(permissions: discord.Permissions) -> discord.PermissionOverwrite:
    return discord.PermissionOverwrite.from_pair(permissions, discord.Permissions.none())


@asynccontextmanager
async def _in_words(task: str) -> AsyncIterator[None]:
    """Turn what discord.py raises into what the domain knows."""
    try:
        yield
    except discord.HTTPException as error:
        if error.code in _DMS_CLOSED:
            raise Unreachable("their direct messages are closed", dms_closed=True) from error
        if error.code in (_UNKNOWN_USER, _UNKNOWN_MEMBER):
            raise Unreachable("this person is gone from Discord or from the server") from error
        hint = {
            403: "the bot lacks a permission there; `coachbot invite` lists what it needs",
            404: "it does not exist any more",
            429: "Discord asks to slow down",
        }.get(error.status, error.text or "no reason given")
        raise DiscordFailure(f"cannot {task}: {hint} (HTTP {error.status}, code {error.code})") from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise DiscordFailure(f"cannot {task}: Discord did not answer ({type(error).__name__})") from error
