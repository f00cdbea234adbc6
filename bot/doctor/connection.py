"""Checks the token, this machine's clock and each server, by asking Discord."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import aiohttp
import discord

from bot.app import INTENTS
from bot.config import ConfigError, Settings, bot_id_in
from bot.doctor import commands, servers
from bot.doctor.checks import CHECK_TIMEOUT, Check, error, ok, warning
from models import Guild
from scheduler.core.clock import Clock

UNANSWERED = (discord.DiscordException, aiohttp.ClientError, OSError)
"""How a failed or unanswered request ends."""

_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_OFF, _FAR_OFF = timedelta(seconds=5), timedelta(seconds=30)
_HALF_A_SECOND = timedelta(seconds=0.5)
_NEW_TOKEN = "press Bot → Reset Token in the Developer Portal and set DISCORD_BOT_TOKEN to what it shows"


@dataclass(slots=True)
class _Clocks:
    """Compares this machine's clock with the `Date` of each of Discord's answers."""

    clock: Clock
    ahead: list[timedelta] = field(default_factory=list)

    def trace(self) -> aiohttp.TraceConfig:
        """Return hooks that see each answer; discord.py keeps no headers."""
        config = aiohttp.TraceConfig()
        config.on_request_end.append(self._answered)
        return config

    async def _answered(
        self, _client: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        if sent := end.response.headers.get("Date"):
            # The header is cut to whole seconds, so on average half a second has passed since.
            self.ahead.append(self.clock() - parsedate_to_datetime(sent) - _HALF_A_SECOND)

    def check(self) -> Check:
        """Judge by the answer with the least delay."""
        if not self.ahead:
            return warning("clock", "Discord's answers don't include the time", "compare it with `timedatectl`")
        ahead = min(self.ahead, key=abs)
        seconds = round(abs(ahead).total_seconds())
        if abs(ahead) <= _OFF:
            return ok("clock", "this machine's clock agrees with Discord's")
        which_way = "ahead of" if ahead > timedelta() else "behind"
        found = f"this machine's clock is {seconds} seconds {which_way} Discord's"
        advice = (
            "let the network set it: `timedatectl set-ntp true`. Until then, rooms and messages come at "
            "the wrong time"
        )
        return (error if abs(ahead) > _FAR_OFF else warning)("clock", found, advice)


async def check_discord(settings: Settings, stored: Mapping[int, Guild] | None, clock: Clock) -> list[Check]:
    """Ask Discord all the token allows. `stored` holds the servers' settings, None if they can't be read."""
    try:
        token = settings.token()
    except ConfigError as missing:
        return [error("token", str(missing), _NEW_TOKEN)]
    if bot_id_in(token) is None or not _TOKEN.fullmatch(token):
        found = "DISCORD_BOT_TOKEN doesn't look like a token: three parts separated by dots"
        return [error("token", found, f"it's neither the application id nor the client secret; {_NEW_TOKEN}")]
    clocks = _Clocks(clock)
    client = discord.Client(intents=INTENTS, http_trace=clocks.trace())
    async with client:
        refusal = await _log_in(client, token)
        found = [refusal] if refusal else _check_application(client, settings)
        if clocks.ahead:
            found.append(clocks.check())
        if refusal is None:
            found += await _check_servers(client, settings.discord_guild_id, stored)
    return found


async def _log_in(client: discord.Client, token: str) -> Check | None:
    """Log in, or return what's wrong."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT.total_seconds()):
            await client.login(token)
    except discord.LoginFailure:
        return error("token", "Discord rejects the token", _NEW_TOKEN)
    except UNANSWERED as failure:
        return _no_answer("discord", "can't reach Discord", failure)
    return None


def _check_application(client: discord.Client, settings: Settings) -> list[Check]:
    found = [ok("token", "Discord accepts the token")]
    given = settings.discord_client_id
    if given is not None and given != client.application_id:
        said = f"DISCORD_CLIENT_ID is {given}, but the token belongs to the application {client.application_id}"
        return [*found, warning("application", said, "remove DISCORD_CLIENT_ID: the token contains the id")]
    return [*found, ok("application", f"id {client.application_id}, no privileged intents needed")]


async def _check_servers(
    client: discord.Client, home_id: int | None, stored: Mapping[int, Guild] | None
) -> list[Check]:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT.total_seconds()):
            there = [guild async for guild in client.fetch_guilds(limit=None, with_counts=False)]
            listed = await commands.everywhere(client)
    except UNANSWERED as failure:
        return [_no_answer("servers", "Discord doesn't say which servers the bot is in", failure)]
    if home_id is not None:
        there = [guild for guild in there if guild.id == home_id]
    if not there:
        which = "any server" if home_id is None else f"the server {home_id}, set as DISCORD_GUILD_ID"
        return [error("servers", f"the bot isn't in {which}", "open the link that `coachbot invite` prints")]
    found = []
    for guild in there:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT.total_seconds()):
                found += await servers.check_server(client, guild.id, stored)
                found += await commands.check_server(client, guild.id, servers.named(guild), listed)
        except UNANSWERED as failure:
            found.append(_no_answer("server", f"can't check {servers.named(guild)}", failure))
            if isinstance(failure, TimeoutError):
                break  # discord.py may be waiting out a rate limit on all requests
    return found


def _no_answer(name: str, what: str, failure: Exception) -> Check:
    why = "no answer in time" if isinstance(failure, TimeoutError) else str(failure)
    advice = "check this machine's network and https://discordstatus.com, then try again"
    return error(name, f"{what}: {why}", advice)
