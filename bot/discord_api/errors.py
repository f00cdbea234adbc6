"""What it means when Discord refuses or does not answer, and which permission is missing where."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
import discord

from bot.discord_api import permissions
from cogs import ui
from scheduler.core.errors import DiscordFailure, NotInServer, Unreachable

log = logging.getLogger(__name__)

UNKNOWN_CHANNEL, UNKNOWN_GUILD, UNKNOWN_MEMBER, UNKNOWN_MESSAGE = 10003, 10004, 10007, 10008
UNKNOWN_ROLE, UNKNOWN_USER = 10011, 10013
_DMS_CLOSED = {50007, 50278}  # cannot message this user; no common server

PATIENCE = timedelta(seconds=60)
"""How long one call of the domain may take in all. discord.py waits by itself when Discord asks to slow down,
and would do so for hours."""
_TO_LOOK = timedelta(seconds=15)  # for what is missing, once something was refused

_GONE = "I am not in this server any more; `coachbot invite` prints the address that brings me back"
_LIMITS = {
    30005: "the server has 250 roles, and Discord allows no more: remove some that nobody needs",
    30013: "the server has 500 channels, and Discord allows no more: remove some that nobody needs",
    60003: "this server asks moderators for two-factor authentication: whoever owns the bot has to switch it on",
}
"""What goes on until an admin does something, by Discord's codes."""
_LACKING = "the bot lacks a permission there; `coachbot invite` lists what it needs"
_SERVER_ERROR = 500  # of HTTP's answers, from here on
_SLOWLY = "Discord asks to slow down"


@dataclass(slots=True)
class Attempt:
    """What is being tried, filled in on the way, so that a refusal can be explained."""

    task: str
    guild_id: int | None = None
    needs: discord.Permissions = field(default_factory=discord.Permissions.none)
    place_id: int | None = None
    """The channel or category where these are needed; empty: the server as a whole."""
    role_id: int | None = None
    """The role that is given or taken, which has to stand below the bot's own."""
    if_unexplained: str = _LACKING
    """What is said of a refusal although nothing is found missing."""

    def needing(self, needs: discord.Permissions, place_id: int | None = None, role_id: int | None = None) -> None:
        """What comes now needs these."""
        self.needs, self.place_id, self.role_id = needs, place_id, role_id


@asynccontextmanager
async def translate_errors(
    client: discord.Client, task: str, guild_id: int | None = None, *, patience: timedelta = PATIENCE
) -> AsyncIterator[Attempt]:
    """Turn what discord.py raises into what the domain knows; nothing takes longer than `patience`."""
    attempt, limit = Attempt(task, guild_id), asyncio.timeout(patience.total_seconds())
    try:
        async with limit:
            yield attempt
    except discord.Forbidden as error:
        if error.code in _DMS_CLOSED:
            raise Unreachable("their direct messages are closed", dms_closed=True) from error
        found = await _shortcomings(client, attempt)
        if found == [_GONE]:
            raise _removed(client, attempt, error) from error
        said = "; ".join(found) or _LIMITS.get(error.code, attempt.if_unexplained)
        raise _failure(attempt, error, said, for_admins=attempt.guild_id is not None) from error
    except discord.HTTPException as error:
        raise _translated(client, attempt, error) from error
    except discord.RateLimited as error:
        raise DiscordFailure(f"cannot {task}: {_SLOWLY}, for {error.retry_after:.0f} seconds") from error
    except TimeoutError as error:
        if not limit.expired():
            raise _unanswered(task, "Discord did not answer (TimeoutError)") from error
        _let_others_ask(client)
        waited = f"{patience.total_seconds():.0f} seconds"
        raise _unanswered(task, f"no answer within {waited}, or {_SLOWLY}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise _unanswered(task, f"Discord did not answer ({type(error).__name__})") from error


def _unanswered(task: str, why: str) -> DiscordFailure:
    return DiscordFailure(f"cannot {task}: {why}", unanswered=True)


def _translated(client: discord.Client, attempt: Attempt, error: discord.HTTPException) -> DiscordFailure:
    if error.code in _DMS_CLOSED:
        return Unreachable("their direct messages are closed", dms_closed=True)
    if error.code in (UNKNOWN_USER, UNKNOWN_MEMBER):
        return Unreachable("this person is gone from Discord or from the server")
    if error.code == UNKNOWN_GUILD:
        return _removed(client, attempt, error)
    if error.code in _LIMITS:
        return _failure(attempt, error, _LIMITS[error.code], for_admins=True)
    usual = {404: "it does not exist any more", 429: _SLOWLY}
    return _failure(attempt, error, usual.get(error.status, ui.quoted(error.text) or "no reason given"))


def _removed(client: discord.Client, attempt: Attempt, error: discord.HTTPException) -> DiscordFailure:
    """Unless the gateway says that Discord itself cannot reach the server for a while."""
    known = client.get_guild(attempt.guild_id) if attempt.guild_id is not None else None
    if known is not None and known.unavailable:
        return _failure(attempt, error, "Discord cannot reach this server at the moment")
    return NotInServer(str(_failure(attempt, error, _GONE)))


def _failure(
    attempt: Attempt, error: discord.HTTPException, said: str, *, for_admins: bool = False
) -> DiscordFailure:
    words = f"cannot {attempt.task}: {said} (HTTP {error.status}, code {error.code})"
    return DiscordFailure(words, for_admins=for_admins, unanswered=error.status >= _SERVER_ERROR)


def _let_others_ask(client: discord.Client) -> None:
    """discord.py lets nobody ask while one request waits out a limit that holds for all of them. Cancelled in
    this wait, that request never ends it (`HTTPClient.request` of 2.7.1), and every later one would hang.
    """
    all_may_ask = client.http._global_over
    if all_may_ask is not discord.utils.MISSING:
        all_may_ask.set()


async def _shortcomings(client: discord.Client, attempt: Attempt) -> list[str]:
    """What is in the way, a sentence each, asked of Discord afresh; none if it cannot be found out."""
    if attempt.guild_id is None or client.user is None:
        return []
    try:
        async with asyncio.timeout(_TO_LOOK.total_seconds()):
            try:
                guild = await client.fetch_guild(attempt.guild_id, with_counts=False)
            except (discord.Forbidden, discord.NotFound):
                return [_GONE]
            me = await guild.fetch_member(client.user.id)
            channels = await guild.fetch_channels() if attempt.place_id is not None else []
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        log.info("what is missing in guild %s could not be found out: %s", attempt.guild_id, error)
        return []
    place = next((channel for channel in channels if channel.id == attempt.place_id), None)
    return [*_missing(me, place, attempt.needs), *_out_of_order(me, attempt.role_id)]


def _missing(me: discord.Member, place: discord.abc.GuildChannel | None, needs: discord.Permissions) -> list[str]:
    in_server, only_here = permissions.lacking(me, place, needs)
    if (
        not in_server.value and not only_here.value
    ):  # allowed in this one place, which is not enough for passing it on
        in_server = permissions.lacking(me, None, needs).in_server
    said = []
    if in_server.value:
        said.append(f"I lack {_names(in_server)} in the server: give it to my role")
    if only_here.value and place is not None:
        kind = "category" if isinstance(place, discord.CategoryChannel) else "channel"
        said.append(
            f"I lack {_names(only_here)} in the {kind} {ui.quoted(place.name)}: allow it there for my role"
        )
    return said


def _names(missing: discord.Permissions) -> str:
    return " and ".join(f"**{name}**" for name in permissions.names(missing))


def _out_of_order(me: discord.Member, role_id: int | None) -> list[str]:
    role = me.guild.get_role(role_id) if role_id is not None else None
    if role is None:
        return []
    if role.managed:
        return [f"the role {ui.quoted(role.name)} belongs to an app, so nobody can give or take it"]
    if role >= me.top_role:
        return [f"my own role has to stand above the role {ui.quoted(role.name)}: move it up among the roles"]
    return []
