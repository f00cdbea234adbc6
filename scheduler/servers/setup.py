"""Check a server's setup, alert its admins, and create what's missing."""

import logging
from collections.abc import Mapping

from sqlalchemy import select

from models import Alert, Guild
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.clock import Clock
from scheduler.core.errors import DiscordFailure, Misconfigured, NotFound
from scheduler.notifications import admin_alerts
from scheduler.servers import settings as server_settings
from scheduler.servers.ports import Servers
from scheduler.servers.resources import CREATABLE, ServerResource, SetupIssue
from scheduler.servers.settings import GuildChanges, GuildDefaults

log = logging.getLogger(__name__)

_KEY = "setup:"
"""Begins the keys of alerts about a setup issue that nothing has failed because of yet."""


async def inspect_server(discord: Servers, settings: Guild) -> list[SetupIssue] | None:
    """List what's wrong in a server now. None if Discord doesn't answer."""
    try:
        return await discord.look_around(settings)
    except DiscordFailure as failure:
        log.info("guild %s: setup not checked: %s", settings.id, failure)
        return None


async def update_alerts(
    db: Database, clock: Clock, guild_id: int, broken: Mapping[ServerResource | None, str]
) -> bool:
    """Alert admins to what's `broken`, described by resource, and resolve alerts that no longer apply.

    Returns whether anything changed since the last call, which a new description does.
    """
    alerts = {_KEY + (place or "server"): text for place, text in broken.items()}
    unresolved = select(Alert).where(Alert.guild_id == guild_id, Alert.fixed_at.is_(None))
    async with db.read() as session:
        known = {one.key: one.text for one in await session.scalars(unresolved) if one.key.startswith(_KEY)}
    if known == alerts:
        return False
    now = clock()
    async with db.begin() as session:
        for key in sorted(known.keys() - alerts.keys()):
            await admin_alerts.resolve(session, guild_id, key, now)
        for key, text in alerts.items():
            if known.get(key) != text:
                await admin_alerts.raise_alert(session, guild_id, key, text, now)
    return True


async def create(
    db: Database,
    discord: Servers,
    clock: Clock,
    defaults: GuildDefaults,
    guild_id: int,
    actor: Actor,
    place: ServerResource,
) -> None:
    """Create a missing resource and set it. An existing one is used, so asking twice creates one.

    Raises NotAllowed, NotFound, or Misconfigured with what went wrong.
    """
    actor.must_be_admin()
    if place not in CREATABLE:
        raise NotFound("I can't create this one. Pick an existing one.")
    async with db.read() as session:
        before = await server_settings.look_up(session, guild_id, defaults)
    try:
        made_id = await discord.ensure_place(before, place)
    except DiscordFailure as failure:
        reason = str(failure)
        raise Misconfigured(f"{reason[:1].upper()}{reason[1:]}. Fix that, then try again.") from failure
    now = clock()
    async with db.begin() as session:
        guild = await server_settings.ensure(session, guild_id, defaults, now)
        if place.id_in(guild) in (None, place.id_in(before)) and place.id_in(guild) != made_id:
            changes = GuildChanges(**{place.column: made_id})
            await server_settings.change(session, guild, actor, changes, now)
