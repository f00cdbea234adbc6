"""What a server has for the bot to work with: what is wrong with it, and how what is missing is made."""

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
from scheduler.servers.resources import MADE, ServerResource, SetupIssue
from scheduler.servers.settings import GuildChanges, GuildDefaults

log = logging.getLogger(__name__)

_KEY = "setup:"
"""Before the place, in the key of a problem that was seen before anything failed because of it."""


async def inspect_server(discord: Servers, settings: Guild) -> list[SetupIssue] | None:
    """What is wrong in a server at this moment; None if Discord does not say."""
    try:
        return await discord.look_around(settings)
    except DiscordFailure as failure:
        log.info("guild %s cannot be looked at: %s", settings.id, failure)
        return None


async def tell(db: Database, clock: Clock, guild_id: int, broken: Mapping[ServerResource | None, str]) -> bool:
    """Admins hear of what does not work any more, by place and in words, and of what does again; whether there
    was anything new, which includes a new reason for the same place.
    """
    wrong = {_KEY + (place or "server"): words for place, words in broken.items()}
    known = select(Alert).where(Alert.guild_id == guild_id, Alert.fixed_at.is_(None))
    async with db.read() as session:
        told = {one.key: one.text for one in await session.scalars(known) if one.key.startswith(_KEY)}
    if told == wrong:
        return False
    now = clock()
    async with db.begin() as session:
        for key in sorted(told.keys() - wrong.keys()):
            await admin_alerts.resolve(session, guild_id, key, now)
        for key, words in wrong.items():
            if told.get(key) != words:
                await admin_alerts.raise_alert(session, guild_id, key, words, now)
    return True


async def make(
    db: Database,
    discord: Servers,
    clock: Clock,
    defaults: GuildDefaults,
    guild_id: int,
    actor: Actor,
    place: ServerResource,
) -> None:
    """Make what is missing and set it. What is there already is taken, so that asking twice makes one.

    Raises NotAllowed, NotFound, or Misconfigured with what is in the way.
    """
    actor.must_be_admin()
    if place not in MADE:
        raise NotFound("This is not for me to make. Please pick one.")
    async with db.read() as session:
        before = await server_settings.look_up(session, guild_id, defaults)
    try:
        made_id = await discord.ensure_place(before, place)
    except DiscordFailure as failure:
        said = str(failure)
        raise Misconfigured(f"{said[:1].upper()}{said[1:]}. Mend that, then press again.") from failure
    now = clock()
    async with db.begin() as session:
        guild = await server_settings.ensure(session, guild_id, defaults, now)
        if place.id_in(guild) in (None, place.id_in(before)) and place.id_in(guild) != made_id:
            changes = GuildChanges(**{place.column: made_id})
            await server_settings.change(session, guild, actor, changes, now)
