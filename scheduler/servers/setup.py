"""What a server has for the bot to work with: what is wrong with it, and how what is missing is made."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto

from sqlalchemy import select

from models import Alert, Guild
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.clock import Clock
from scheduler.core.errors import DiscordFailure, Misconfigured, NotFound
from scheduler.loop.ports import Discord
from scheduler.notifications import admin_alerts
from scheduler.servers import settings as server_settings
from scheduler.servers.settings import GuildChanges, GuildDefaults

log = logging.getLogger(__name__)

_KEY = "setup:"
"""Before the place, in the key of a problem that was seen before anything failed because of it."""


class ServerResource(StrEnum):
    """A channel, a category or a role that admins choose; the value is the option of `/coaching setup`."""

    REVIEW_CHANNEL = "review_channel"
    COACH_ROLE = "coach_role"
    ROOM_CATEGORY = "room_category"
    LOG_CHANNEL = "log_channel"
    FALLBACK_CHANNEL = "news_channel"
    ADMIN_ROLE = "admin_role"

    @property
    def column(self) -> str:
        """Where the settings keep its id."""
        return "fallback_channel_id" if self is ServerResource.FALLBACK_CHANNEL else f"{self}_id"

    @property
    def is_role(self) -> bool:
        """Whether it is a role, and no channel or category."""
        return self in (ServerResource.COACH_ROLE, ServerResource.ADMIN_ROLE)

    def id_in(self, settings: Guild) -> int | None:
        """What is chosen; None if nothing is."""
        return getattr(settings, self.column)


MADE = (
    ServerResource.REVIEW_CHANNEL,
    ServerResource.COACH_ROLE,
    ServerResource.ROOM_CATEGORY,
    ServerResource.LOG_CHANNEL,
)
"""What the bot makes if it is asked to. For the others only the server's people know which it should be."""


class Flaw(Enum):
    """What may be wrong."""

    UNSET = auto()
    GONE = auto()
    LACKING = auto()
    """The bot has not got the permissions that it needs there."""
    MANAGED = auto()
    """The role belongs to an app, so that nobody can give it."""
    TOO_HIGH = auto()
    """The role stands above the bot's own."""


@dataclass(frozen=True, slots=True)
class SetupIssue:
    """One thing that is not as it could be."""

    flaw: Flaw
    place: ServerResource | None = None
    """Empty: the server as a whole."""
    name: str = ""
    """What the channel or role is called, as somebody wrote it."""
    missing: tuple[str, ...] = ()
    """The permissions that are lacking, as Discord calls them."""

    @property
    def is_severe(self) -> bool:
        """Whether something does not work because of it; else there is another way, or nothing was wanted yet."""
        if self.flaw is Flaw.GONE:
            return self.place in (ServerResource.REVIEW_CHANNEL, ServerResource.COACH_ROLE)
        return self.flaw is not Flaw.UNSET


async def inspect_server(discord: Discord, settings: Guild) -> list[SetupIssue] | None:
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
    discord: Discord,
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
            changes = replace(GuildChanges(), **{place.column: made_id})
            await server_settings.change(session, guild, actor, changes, now)
