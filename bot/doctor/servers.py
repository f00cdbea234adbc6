"""Whether one server is set up, and whether the bot may do there what it has to."""

from collections.abc import Mapping
from typing import NamedTuple

import discord

from bot import permissions
from bot.doctor.checks import Check, error, ok, warning
from models import Guild

_WRITE = discord.Permissions(view_channel=True, send_messages=True, read_message_history=True)
"""What messages take that have to be found again."""

_SET_UP = "use `/coaching setup {}:` there"


class _Place(NamedTuple):
    """A channel or category that an admin chooses, and what follows if it is gone."""

    option: str
    what: str
    id: int | None
    needs: discord.Permissions
    if_gone: str | None
    """What happens instead; None if something does not work any more."""


async def examine(client: discord.Client, guild_id: int, stored: Mapping[int, Guild] | None) -> list[Check]:
    """Look at a server afresh. Raises what discord.py does."""
    assert client.user is not None, "somebody has logged in"
    guild = await client.fetch_guild(guild_id, with_counts=False)
    me = await guild.fetch_member(client.user.id)
    channels = {channel.id: channel for channel in await guild.fetch_channels()}
    found = [*_in_server(me)]
    settings = stored.get(guild_id) if stored is not None else None
    if stored is not None:
        found += _set_up(me, settings, channels) if settings else [_nothing_set(guild)]
    unset = [one.option for one in _places(settings) if one.id is None] if settings else []
    without = f"; not set, which is fine: {', '.join(unset)}" if unset else ""
    return found or [ok("server", f"{named(guild)}: the bot may do there what it has to{without}")]


def named(guild: discord.Guild) -> str:
    """The server as an operator knows it again."""
    return f"{_plain(guild.name)} ({guild.id})"


def _in_server(me: discord.Member) -> list[Check]:
    missing = permissions.names(permissions.lacking(me, None, permissions.INVITE).in_server)
    if not missing:
        return []
    found = f"{named(me.guild)}: the bot lacks {' and '.join(missing)} in the server"
    return [error("server", found, "give that to its role, or invite it again as `coachbot invite` says")]


def _nothing_set(guild: discord.Guild) -> Check:
    advice = "use `/coaching setup` there, with a review channel and a coach role"
    return warning("server", f"{named(guild)}: nobody has set the bot up there yet", advice)


def _set_up(me: discord.Member, settings: Guild, channels: Mapping[int, discord.abc.GuildChannel]) -> list[Check]:
    found = _coach_role(me, settings.coach_role_id)
    if settings.review_channel_id is None:
        said = f"{named(me.guild)}: no review channel is set, so nobody sees new applications"
        found.append(warning("server", said, _SET_UP.format("review_channel")))
    for place in _places(settings):
        if place.id is not None:
            found += _place(me, place, channels.get(place.id))
    return found


def _places(settings: Guild) -> list[_Place]:
    return [
        _Place("review_channel", "review channel", settings.review_channel_id, _WRITE, None),
        _Place(
            "room_category",
            "category for rooms",
            settings.room_category_id,
            permissions.MAKE_ROOM,
            "the bot makes one of its own",
        ),
        _Place(
            "log_channel",
            "channel for problems",
            settings.log_channel_id,
            _WRITE,
            "problems are told in the system channel",
        ),
        _Place(
            "news_channel",
            "channel for people with closed messages",
            settings.fallback_channel_id,
            _WRITE,
            "admins are told instead",
        ),
    ]


def _place(me: discord.Member, place: _Place, channel: discord.abc.GuildChannel | None) -> list[Check]:
    if channel is None:
        said = f"{named(me.guild)}: the {place.what} does not exist any more"
        advice = _SET_UP.format(place.option)
        if place.if_gone is None:
            return [error("server", said, advice)]
        return [warning("server", f"{said}; {place.if_gone}", advice)]
    missing = permissions.names(permissions.lacking(me, channel, place.needs).only_here)
    if not missing:
        return []
    said = f"{named(me.guild)}: the bot lacks {' and '.join(missing)} in the {place.what}, {_plain(channel.name)}"
    return [error("server", said, "allow it for the bot's role in the permissions there")]


def _coach_role(me: discord.Member, role_id: int | None) -> list[Check]:
    server, advice = named(me.guild), _SET_UP.format("coach_role")
    if role_id is None:
        return [warning("server", f"{server}: no coach role is set, so coaches get none", advice)]
    role = me.guild.get_role(role_id)
    if role is None:
        return [error("server", f"{server}: the coach role does not exist any more", advice)]
    name = _plain(role.name)
    if role.managed:
        said = f"{server}: the coach role, {name}, belongs to an app, so nobody can give it"
        return [error("server", said, advice)]
    if role >= me.top_role:
        said = f"{server}: the coach role, {name}, stands above the bot's own, so the bot cannot give it"
        return [error("server", said, "drag the bot's role above it in Server Settings → Roles")]
    return []


def _plain(words: str) -> str:
    """Somebody's words, harmless for a terminal."""
    return "".join(letter for letter in words if letter.isprintable())
