"""Explains Discord's refusals and failures, including which permission is missing where."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
import discord

from bot.discord_api import permissions
from scheduler.core.errors import DiscordFailure, NotInServer, Unreachable
from scheduler.core.markup import quoted
from scheduler.parsing.lists import all_of

log = logging.getLogger(__name__)

UNKNOWN_CHANNEL, UNKNOWN_GUILD, UNKNOWN_MEMBER, UNKNOWN_MESSAGE = 10003, 10004, 10007, 10008
UNKNOWN_ROLE, UNKNOWN_USER = 10011, 10013
_DMS_CLOSED = {50007, 50278}  # can't message this user; no server in common

CALL_TIMEOUT = timedelta(seconds=60)
"""How long one call may take in all. When rate limited, discord.py would wait for hours."""
_LOOKUP_TIMEOUT = timedelta(seconds=15)  # for finding out what's missing

_NOT_IN_SERVER = "I'm not in this server any more; `coachbot invite` prints the link to add me"
_LIMITS = {
    30005: "the server has 250 roles, the most Discord allows: delete some you don't need",
    30013: "the server has 500 channels, the most Discord allows: delete some you don't need",
    30038: "the server has 100 scheduled events, the most Discord allows: delete some you don't need",
    60003: "this server requires two-factor authentication for moderators: the bot's owner has to turn it on",
}
"""Failures that last until an admin acts, by Discord's error code."""
_MISSING_PERMISSION = "the bot is missing a permission there; `coachbot invite` lists what it needs"
_SERVER_ERROR = 500  # HTTP status, and above
_RATE_LIMITED = "Discord is rate limiting the bot"


@dataclass(slots=True)
class Attempt:
    """The current attempt, filled in along the way to explain a refusal."""

    task: str
    guild_id: int | None = None
    needs: discord.Permissions = field(default_factory=discord.Permissions.none)
    place_id: int | None = None
    """The channel or category where they're needed; None means the server as a whole."""
    role_id: int | None = None
    """The role to give or take, which must be below the bot's own."""
    if_unexplained: str = _MISSING_PERMISSION
    """The explanation if nothing is found missing."""

    def require(self, needs: discord.Permissions, place_id: int | None = None, role_id: int | None = None) -> None:
        """Set what the next request needs."""
        self.needs, self.place_id, self.role_id = needs, place_id, role_id


@asynccontextmanager
async def translate_errors(
    client: discord.Client, task: str, guild_id: int | None = None, *, patience: timedelta = CALL_TIMEOUT
) -> AsyncIterator[Attempt]:
    """Turn discord.py's errors into the domain's. Nothing takes longer than `patience`."""
    attempt, limit = Attempt(task, guild_id), asyncio.timeout(patience.total_seconds())
    try:
        async with limit:
            yield attempt
    except discord.Forbidden as error:
        if error.code in _DMS_CLOSED:
            raise Unreachable("their direct messages are closed", dms_closed=True) from error
        found = await _find_obstacles(client, attempt)
        if found == [_NOT_IN_SERVER]:
            raise _removed(client, attempt, error) from error
        said = "; ".join(found) or _LIMITS.get(error.code, attempt.if_unexplained)
        raise _failure(attempt, error, said, for_admins=attempt.guild_id is not None) from error
    except discord.HTTPException as error:
        raise _translated(client, attempt, error) from error
    except discord.RateLimited as error:
        raise DiscordFailure(f"can't {task}: {_RATE_LIMITED} for {error.retry_after:.0f} seconds") from error
    except TimeoutError as error:
        if not limit.expired():
            raise _unanswered(task, "Discord did not answer (TimeoutError)") from error
        _release_global_limit(client)
        waited = f"{patience.total_seconds():.0f} seconds"
        raise _unanswered(task, f"no answer within {waited}, or {_RATE_LIMITED}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise _unanswered(task, f"Discord did not answer ({type(error).__name__})") from error


@contextmanager
def expect_gone(*codes: int, otherwise: Exception | None = None) -> Iterator[None]:
    """End the block if Discord says with one of these codes that something no longer exists.

    Raises `otherwise` instead, if it's given.
    """
    try:
        yield
    except discord.NotFound as error:
        if error.code not in codes:
            raise
        if otherwise is not None:
            raise otherwise from error


def _unanswered(task: str, why: str) -> DiscordFailure:
    return DiscordFailure(f"can't {task}: {why}", unanswered=True)


def _translated(client: discord.Client, attempt: Attempt, error: discord.HTTPException) -> DiscordFailure:
    if error.code in _DMS_CLOSED:
        return Unreachable("their direct messages are closed", dms_closed=True)
    if error.code in (UNKNOWN_USER, UNKNOWN_MEMBER):
        return Unreachable("this person left Discord or the server")
    if error.code == UNKNOWN_GUILD:
        return _removed(client, attempt, error)
    if error.code in _LIMITS:
        return _failure(attempt, error, _LIMITS[error.code], for_admins=True)
    usual = {404: "it no longer exists", 429: _RATE_LIMITED}
    return _failure(attempt, error, usual.get(error.status, quoted(error.text) or "no reason given"))


def _removed(client: discord.Client, attempt: Attempt, error: discord.HTTPException) -> DiscordFailure:
    """Return NotInServer, unless the gateway says that the server is only unavailable."""
    known = client.get_guild(attempt.guild_id) if attempt.guild_id is not None else None
    if known is not None and known.unavailable:
        return _failure(attempt, error, "Discord can't reach this server right now")
    return NotInServer(str(_failure(attempt, error, _NOT_IN_SERVER)))


def _failure(
    attempt: Attempt, error: discord.HTTPException, said: str, *, for_admins: bool = False
) -> DiscordFailure:
    words = f"can't {attempt.task}: {said} (HTTP {error.status}, code {error.code})"
    return DiscordFailure(words, for_admins=for_admins, unanswered=error.status >= _SERVER_ERROR)


def _release_global_limit(client: discord.Client) -> None:
    """Release discord.py's global rate limit.

    While one request waits out the global limit, all others wait for it. If it's cancelled meanwhile, it never
    releases them (`HTTPClient.request` of 2.7.1), and every later request would hang.
    """
    all_may_ask = client.http._global_over
    if all_may_ask is not discord.utils.MISSING:
        all_may_ask.set()


async def _find_obstacles(client: discord.Client, attempt: Attempt) -> list[str]:
    """Ask Discord what's in the way, one sentence each. Returns nothing if that fails."""
    if attempt.guild_id is None or client.user is None:
        return []
    try:
        async with asyncio.timeout(_LOOKUP_TIMEOUT.total_seconds()):
            try:
                guild = await client.fetch_guild(attempt.guild_id, with_counts=False)
            except (discord.Forbidden, discord.NotFound):
                return [_NOT_IN_SERVER]
            me = await guild.fetch_member(client.user.id)
            channels = await guild.fetch_channels() if attempt.place_id is not None else []
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        log.info("could not find out what is missing in guild %s: %s", attempt.guild_id, error)
        return []
    place = next((channel for channel in channels if channel.id == attempt.place_id), None)
    return [*_missing_permissions(me, place, attempt.needs), *_role_problems(me, attempt.role_id)]


def _missing_permissions(
    me: discord.Member, place: discord.abc.GuildChannel | None, needs: discord.Permissions
) -> list[str]:
    in_server, only_here = permissions.missing_permissions(me, place, needs)
    if not in_server.value and not only_here.value:  # granted in this channel only, and the bot can't pass that on
        in_server = permissions.missing_permissions(me, None, needs).in_server
    said = []
    if in_server.value:
        said.append(f"I'm missing {_names(in_server)} in the server: grant it to my role")
    if only_here.value and place is not None:
        kind = "category" if isinstance(place, discord.CategoryChannel) else "channel"
        said.append(
            f"I'm missing {_names(only_here)} in the {kind} {quoted(place.name)}: grant it to my role there"
        )
    return said


def _names(missing: discord.Permissions) -> str:
    return all_of(f"**{name}**" for name in permissions.names(missing))


def _role_problems(me: discord.Member, role_id: int | None) -> list[str]:
    role = me.guild.get_role(role_id) if role_id is not None else None
    if role is None:
        return []
    if role.managed:
        return [f"the role {quoted(role.name)} is managed by an app, so nobody can give or take it"]
    if role >= me.top_role:
        return [f"my role must be above the role {quoted(role.name)}: drag it up in Server Settings → Roles"]
    return []
