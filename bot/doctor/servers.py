"""Whether a server is set up and grants the bot its permissions."""

from collections.abc import Mapping

import discord

from bot.discord_api import server_setup
from bot.doctor.checks import Check, error, ok, warning
from models import Guild
from scheduler.parsing.lists import all_of
from scheduler.servers.resources import Flaw, ServerResource, SetupIssue

_SET_UP = "use `/coaching setup` there"
_FALLBACKS = {
    ServerResource.ROOM_CATEGORY: "the bot creates its own",
    ServerResource.LOG_CHANNEL: "alerts go to the system channel",
    ServerResource.FALLBACK_CHANNEL: "admins are told instead",
    ServerResource.ADMIN_ROLE: "only members with Manage Server are admins",
    ServerResource.WORKSHOP_CHANNEL: "workshops can't be announced",
}
"""What happens when a chosen one no longer exists."""
_REQUIRED = {
    ServerResource.REVIEW_CHANNEL: "no review channel is set, so nobody sees new applications",
    ServerResource.COACH_ROLE: "no coach role is set, so coaches don't get one",
}
"""What's missing when it isn't set. The others are optional."""


async def check_server(client: discord.Client, guild_id: int, stored: Mapping[int, Guild] | None) -> list[Check]:
    """Check one server. Raises what discord.py raises."""
    me, channels = await server_setup.fetch(client, guild_id)
    settings = stored.get(guild_id) if stored is not None else None
    found = server_setup.find_issues(me, channels, settings)
    unset = [
        one.place.label.lower()
        for one in found
        if one.flaw is Flaw.UNSET and one.place and one.place not in _REQUIRED
    ]
    checks = [
        _check(named(me.guild), one) for one in found if one.flaw is not Flaw.UNSET or one.place in _REQUIRED
    ]
    if stored is not None and settings is None:
        checks.append(_nothing_set(me.guild))
    without = f"; optional and not set: {', '.join(unset)}" if unset else ""
    return checks or [ok("server", f"{named(me.guild)}: all permissions granted{without}")]


def named(guild: discord.Guild) -> str:
    """Name the server for an operator."""
    return f"{_sanitized(guild.name)} ({guild.id})"


def _nothing_set(guild: discord.Guild) -> Check:
    advice = "use `/coaching setup` there, with a review channel and a coach role"
    return warning("server", f"{named(guild)}: not set up yet", advice)


def _check(server: str, finding: SetupIssue) -> Check:
    place, lacks = finding.place, all_of(finding.missing)
    if place is None:
        advice = "grant it to the bot's role, or invite the bot again with `coachbot invite`"
        return error("server", f"{server}: the bot is missing {lacks} in the server", advice)
    what, name, advice = place.label.lower(), _sanitized(finding.name), _SET_UP
    match finding.flaw:
        case Flaw.UNSET:
            return warning("server", f"{server}: {_REQUIRED[place]}", advice)
        case Flaw.GONE:
            said = f"{server}: the {what} no longer exists"
            if finding.is_severe:
                return error("server", said, advice)
            return warning("server", f"{said}; {_FALLBACKS[place]}", advice)
        case Flaw.LACKING:
            said = f"{server}: the bot is missing {lacks} in the {what}, {name}"
            return error("server", said, "grant it to the bot's role in the permissions there")
        case Flaw.MANAGED:
            return error(
                "server", f"{server}: the {what}, {name}, is managed by an app, so nobody can give it", advice
            )
        case Flaw.TOO_HIGH:
            said = f"{server}: the {what}, {name}, is above the bot's role, so the bot can't give it"
            return error("server", said, "drag the bot's role above it in Server Settings → Roles")


def _sanitized(words: str) -> str:
    """Make user text safe for a terminal."""
    return "".join(letter for letter in words if letter.isprintable())
