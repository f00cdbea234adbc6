"""Whether a running bot does its work, by its heartbeats and its web endpoint."""

from datetime import datetime, timedelta

import aiohttp
from yarl import URL

from bot.config import Settings
from bot.doctor.checks import Check, error, ok, warning
from models.storage.inspection import Heartbeats

_SILENT = timedelta(minutes=5)
_TIMEOUT = timedelta(seconds=5)
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Maps wildcard addresses to ones you can connect to."""
_CHECK_LOG = "check its log (journalctl -u coachbot)"


def check_heartbeats(runs: bool, last: Heartbeats | None, now: datetime) -> Check:
    """Judge by the last heartbeats; `last` is None if they can't be read."""
    ticked_at = last.ticked_at if last else None
    since = now - ticked_at if ticked_at else None
    looked = "" if since is None else f"; its background checks last ran {_ago(since)} ago"
    if not runs:
        return ok("bot", f"no bot is running on this database{looked}")
    if last is not None and since is None:
        found = "a bot is running on this database, but hasn't done anything yet"
        return warning("bot", found, f"unless it has only just started, {_CHECK_LOG}")
    if since is not None and since > _SILENT:
        advice = f"{_CHECK_LOG}, then restart it (systemctl restart coachbot)"
        return warning("bot", f"a bot is running on this database, but does nothing{looked}", advice)
    if last is not None and (last.watched_until is None or now - last.watched_until > _SILENT):
        when = "yet" if last.watched_until is None else f"for {_ago(now - last.watched_until)}"
        found = f"a bot is running on this database, but hasn't recorded everything Discord sent {when}{looked}"
        return warning("bot", found, f"{_CHECK_LOG}; until it catches up, nobody counts as a no-show")
    return ok("bot", f"a bot is running on this database{looked}")


async def check_web_endpoint(settings: Settings) -> list[Check]:
    """Ask the bot's web endpoint what's wrong. Returns nothing if there's no endpoint or it doesn't answer."""
    if not settings.web_port:
        return []
    host = _LOOPBACK.get(settings.web_host, settings.web_host)
    address = URL.build(scheme="http", host=host, port=settings.web_port, path="/healthz")
    try:
        timeout = aiohttp.ClientTimeout(_TIMEOUT.total_seconds())
        async with aiohttp.ClientSession(timeout=timeout) as client, client.get(address) as answer:
            said = await answer.json()
    except (aiohttp.ClientError, OSError, ValueError):
        return []  # the bot isn't running, or something else answers there
    reason = said.get("reason") if isinstance(said, dict) else None
    return [error("bot", f"the bot is running, but reports: {reason}", _CHECK_LOG)] if reason else []


def _ago(since: timedelta) -> str:
    seconds = max(0, int(since.total_seconds()))
    for length, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
