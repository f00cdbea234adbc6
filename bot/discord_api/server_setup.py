"""Checks a server's setup and creates the channels and roles the bot needs."""

from collections.abc import Mapping, Sequence

import discord

from bot.discord_api import permissions
from bot.discord_api.errors import Attempt
from models import Guild
from scheduler.core.errors import DiscordFailure
from scheduler.servers.resources import Flaw, ServerResource, SetupIssue

CATEGORY_NAME = "Coaching"
"""The category for rooms, unless admins chose one."""
_NAMES = {
    ServerResource.REVIEW_CHANNEL: "coach-applications",
    ServerResource.LOG_CHANNEL: "coaching-log",
    ServerResource.ROOM_CATEGORY: CATEGORY_NAME,
    ServerResource.COACH_ROLE: "Coach",
}
_TOPICS = {
    ServerResource.REVIEW_CHANNEL: "Applications from people who want to coach, for admins to decide",
    ServerResource.LOG_CHANNEL: "Alerts that need an admin's attention",
}
_NEEDS = {
    ServerResource.REVIEW_CHANNEL: permissions.WRITE,
    ServerResource.LOG_CHANNEL: permissions.WRITE,
    ServerResource.FALLBACK_CHANNEL: permissions.WRITE,
    ServerResource.WORKSHOP_CHANNEL: permissions.WRITE,
    ServerResource.ROOM_CATEGORY: permissions.MAKE_ROOM,
}
_NEEDED_TO_CREATE = {
    ServerResource.REVIEW_CHANNEL: permissions.WRITE | discord.Permissions(manage_channels=True),
    ServerResource.LOG_CHANNEL: permissions.WRITE | discord.Permissions(manage_channels=True),
    ServerResource.ROOM_CATEGORY: discord.Permissions(manage_channels=True),
    ServerResource.COACH_ROLE: discord.Permissions(manage_roles=True),
}
"""A bot can only grant channel permissions that it has itself."""
_REASON = "Coaching setup"

Channels = Mapping[int, discord.abc.GuildChannel]


async def fetch(client: discord.Client, guild_id: int) -> tuple[discord.Member, Channels]:
    """Request the bot's member and the server's channels. Raises what discord.py raises."""
    assert client.user is not None, "the bot is logged in"
    guild = await client.fetch_guild(guild_id, with_counts=False)
    me = await guild.fetch_member(client.user.id)
    return me, {channel.id: channel for channel in await guild.fetch_channels()}


def find_issues(me: discord.Member, channels: Channels, settings: Guild | None) -> list[SetupIssue]:
    """Return what's wrong with the setup; without settings, only with the server as a whole."""
    found: list[SetupIssue] = []
    needs = permissions.wanted(with_events=settings is not None and settings.mirrors_workshops)
    if missing := permissions.names(permissions.missing_permissions(me, None, needs).in_server):
        found.append(SetupIssue(Flaw.LACKING, missing=tuple(missing)))
    if settings is None:
        return found
    for place in ServerResource:
        id_ = place.id_in(settings)
        if id_ is None:
            found.append(SetupIssue(Flaw.UNSET, place))
        elif place.is_role:
            found += _of_role(me, place, me.guild.get_role(id_))
        else:
            found += _of_channel(me, place, channels.get(id_))
    return found


def _of_role(me: discord.Member, place: ServerResource, role: discord.Role | None) -> list[SetupIssue]:
    if role is None:
        return [SetupIssue(Flaw.GONE, place)]
    if place is not ServerResource.COACH_ROLE:
        return []
    if role.managed:
        return [SetupIssue(Flaw.MANAGED, place, role.name)]
    return [SetupIssue(Flaw.TOO_HIGH, place, role.name)] if role >= me.top_role else []


def _of_channel(
    me: discord.Member, place: ServerResource, channel: discord.abc.GuildChannel | None
) -> list[SetupIssue]:
    if channel is None:
        return [SetupIssue(Flaw.GONE, place)]
    missing = permissions.names(permissions.missing_permissions(me, channel, _NEEDS[place]).in_channel)
    return [SetupIssue(Flaw.LACKING, place, channel.name, tuple(missing))] if missing else []


async def ensure(attempt: Attempt, client: discord.Client, settings: Guild, place: ServerResource) -> int:
    """Return the id of the chosen one if it exists, else of one like the bot creates, else of a new one.

    discord.py repeats a creation answered with a 5xx, so a twin of the new one is deleted.
    """
    me, channels = await fetch(client, settings.id)
    chosen_id = place.id_in(settings)
    if chosen_id is not None and (me.guild.get_role(chosen_id) or channels.get(chosen_id)):
        return chosen_id
    if alike := _find_existing(me, channels, place):
        return alike[0].id
    attempt.require(_NEEDED_TO_CREATE[place])
    if place.is_role and me.top_role == me.guild.default_role:
        raise DiscordFailure(f"can't {attempt.task}: I have no role of my own to put above it; invite me again")
    await _make(me, settings, place)
    made = _find_existing(*await fetch(client, settings.id), place)
    if not made:
        raise DiscordFailure(f"can't {attempt.task}: Discord confirmed it, but it doesn't exist")
    for twin in made[1:]:
        await twin.delete(reason=f"{_REASON}: created twice")
    return made[0].id


def _find_existing(
    me: discord.Member, channels: Channels, place: ServerResource
) -> Sequence[discord.Role | discord.abc.GuildChannel]:
    """Return existing ones that are as the bot creates them, oldest first.

    The name isn't enough: a role must grant nothing, and a channel must be hidden from everyone.
    """
    if place.is_role:
        roles = [
            role for role in me.guild.roles if role.name == _NAMES[place] and _grants_nothing(me, channels, role)
        ]
        return sorted(roles, key=lambda role: role.id)
    kind = discord.CategoryChannel if place is ServerResource.ROOM_CATEGORY else discord.TextChannel
    found = [
        channel
        for channel in channels.values()
        if isinstance(channel, kind)
        and channel.name == _NAMES[place]
        and not permissions.missing_permissions(me, channel, _NEEDS[place]).in_channel.value
        and (place is ServerResource.ROOM_CATEGORY or _is_hidden(me.guild, channel))
    ]
    return sorted(found, key=lambda channel: channel.id)


def _grants_nothing(me: discord.Member, channels: Channels, role: discord.Role) -> bool:
    """Whether the bot can give the role, and it grants no permission anywhere."""
    everybodys = me.guild.default_role.permissions.value
    if role.managed or role >= me.top_role or role.permissions.value & ~everybodys:
        return False
    return all(channel.overwrites_for(role).is_empty() for channel in channels.values())


def _is_hidden(guild: discord.Guild, channel: discord.abc.GuildChannel) -> bool:
    everybody = guild.default_role
    return channel.overwrites_for(everybody).view_channel is False or not everybody.permissions.view_channel


async def _make(me: discord.Member, settings: Guild, place: ServerResource) -> None:
    guild, name = me.guild, _NAMES[place]
    if place is ServerResource.COACH_ROLE:
        nothing = discord.Permissions.none()
        await guild.create_role(name=name, permissions=nothing, hoist=False, mentionable=False, reason=_REASON)
    elif place is ServerResource.ROOM_CATEGORY:
        await guild.create_category(name, reason=_REASON)
    else:
        rules = _admins_only(me, settings)
        await guild.create_text_channel(name, overwrites=rules, topic=_TOPICS[place], reason=_REASON)


def _admins_only(
    me: discord.Member, settings: Guild
) -> dict[discord.Role | discord.Member | discord.Object, discord.PermissionOverwrite]:
    """Hide the channel from all but the bot and admins."""
    read_and_write = discord.PermissionOverwrite.from_pair(permissions.WRITE, discord.Permissions.none())
    everybody = me.guild.default_role
    admins = [
        role
        for role in me.guild.roles
        if role != everybody
        and not role.managed
        and (role.permissions.manage_guild or role.id == settings.admin_role_id)
    ]
    return {
        everybody: discord.PermissionOverwrite(view_channel=False),
        me: read_and_write,
        **dict.fromkeys(admins, read_and_write),
    }
