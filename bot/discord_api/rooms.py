"""Session rooms at Discord: how to recognise one, where to create one, and who may enter."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import datetime

import discord

from bot.discord_api.errors import UNKNOWN_CHANNEL, Attempt
from bot.discord_api.permissions import MAKE_ROOM, ROOM_GUEST, ROOM_OWN, ROOM_VIDEO
from bot.discord_api.server_setup import CATEGORY_NAME
from scheduler.attendance.ports import Barrier
from scheduler.rooms.own_rooms import is_own
from scheduler.rooms.ports import Access, RoomSpec

_INVALID_FORM = 50035
_MANAGE_CHANNELS = discord.Permissions(manage_channels=True)
_LONGEST_NAME = 100  # of a channel's name

Overwrites = dict[discord.Role | discord.Member | discord.Object, discord.PermissionOverwrite]


def find(channels: Sequence[discord.abc.GuildChannel], room: RoomSpec, own_id: int) -> list[discord.VoiceChannel]:
    """Return the channels that are this room: the stored one, then its twins, but not others of the same name."""
    found = [
        channel
        for channel in channels
        if isinstance(channel, discord.VoiceChannel)
        and is_own(
            channel.id,
            known_id=room.channel_id,
            as_we_make_it=channel.name == room.name and is_made_by(own_id, channel),
            since=room.intended_at,
        )
    ]
    return sorted(found, key=lambda channel: (channel.id != room.channel_id, channel.id))


def is_made_by(own_id: int, channel: discord.VoiceChannel) -> bool:
    """Whether the channel is hidden and names the bot in its overwrites, as each room does from the start."""
    everybody = channel.overwrites_for(channel.guild.default_role)
    own = channel.overwrites_for(discord.Object(own_id))
    return everybody.view_channel is False and own.pair()[0] >= ROOM_OWN


async def create(
    attempt: Attempt,
    guild: discord.Guild,
    room: RoomSpec,
    rules: Overwrites,
    there: Sequence[discord.abc.GuildChannel],
    one_at_a_time: asyncio.Lock,
) -> int:
    """Create the room in the server's category and return its id. Uses "<name> 2", "<name> 3", … if that's full or
    gone.

    Only Discord can say whether a category is full. An empty one isn't: if a room is refused there, no other
    category is created. `there` holds the server's channels; `one_at_a_time` is the server's lock for categories.
    """

    async def made_in(category_id: int | None, *, is_empty: bool = False) -> int | None:
        attempt.require(MAKE_ROOM, category_id)
        try:
            made = await guild.create_voice_channel(
                room.name,
                category=discord.Object(category_id) if category_id else None,  # pyright: ignore[reportArgumentType]  (only its id is read)
                overwrites=rules,
                user_limit=room.user_limit,
                reason=room.reason,
            )
        except discord.HTTPException as error:
            if category_id is None or is_empty or not _is_about_the_category(error):
                raise
            return None
        return made.id

    chosen = next((one for one in _categories(there) if one.id == room.category_id), None)
    if chosen is not None or room.category_id is None:
        made_id = await made_in(chosen.id if chosen is not None else None)
        if made_id is not None:
            return made_id
    for number in itertools.count(2):
        name = f"{(chosen.name if chosen else CATEGORY_NAME)[: _LONGEST_NAME - 4]} {number}"
        async with one_at_a_time:  # otherwise, rooms created at the same time would each get their own category
            there = await guild.fetch_channels()
            same = [one for one in _categories(there) if one.name == name]
            if not same:
                attempt.require(_MANAGE_CHANNELS)
                same = [await guild.create_category(name, reason=room.reason)]
        used = {one.category_id for one in there}
        for category in same:
            made_id = await made_in(category.id, is_empty=category.id not in used)
            if made_id is not None:
                return made_id
    raise AssertionError("the numbers never end")


def _categories(there: Sequence[discord.abc.GuildChannel]) -> list[discord.CategoryChannel]:
    """Return the categories, oldest first."""
    return sorted((one for one in there if isinstance(one, discord.CategoryChannel)), key=lambda one: one.id)


def _is_about_the_category(error: discord.HTTPException) -> bool:
    """Whether the category is full (CHANNEL_PARENT_MAX_CHANNELS) or deleted (CHANNEL_PARENT_INVALID).

    Both share the error code of any invalid form. https://github.com/discord/discord-api-docs/pull/1289
    """
    hints = ("parent_id", "CHANNEL_PARENT", "Maximum number of channels in category")
    return error.code == UNKNOWN_CHANNEL or (
        error.code == _INVALID_FORM and any(hint in error.text for hint in hints)
    )


def barrier(member: discord.Member, room: discord.VoiceChannel | None, at: datetime) -> Barrier | None:
    """Return what kept someone out at this time. A timeout counts even if it's over by now."""
    # The field stays set after a timeout ends:
    # https://discord.com/developers/docs/resources/guild#guild-member-object
    if member.timed_out_until is not None and member.timed_out_until >= at:
        return Barrier.TIMED_OUT
    if room is None:
        return None
    allowed = room.permissions_for(member)
    if not (allowed.view_channel and allowed.connect):
        return Barrier.SHUT_OUT
    # With room for one, it was full as soon as the other came, and they may have left since.
    is_full = room.user_limit == 1 or 0 < room.user_limit <= len(room.voice_states)
    return Barrier.FULL if is_full and not allowed.move_members else None


def overwrites(guild: discord.Guild, own_id: int, access: Access | None) -> Overwrites:
    """Allow the bot and, once the room opens, its two people, directly or by role. Deny everyone else."""
    rules: Overwrites = {
        guild.default_role: discord.PermissionOverwrite(view_channel=False, connect=False),
        discord.Object(own_id): _allow(ROOM_OWN),
    }
    if access is None:
        return rules
    guest = _allow(guest_permissions(access))
    if access.role_id is not None:
        return rules | {discord.Object(access.role_id, type=discord.Role): guest}
    return rules | {discord.Object(user_id): guest for user_id in access.user_ids}


def guest_permissions(access: Access) -> discord.Permissions:
    """Return what people get in an open room. The bot can only pass on what it has itself."""
    return discord.Permissions(ROOM_GUEST.value | (ROOM_VIDEO.value if access.video else 0))


def _allow(permissions: discord.Permissions) -> discord.PermissionOverwrite:
    return discord.PermissionOverwrite.from_pair(permissions, discord.Permissions.none())
