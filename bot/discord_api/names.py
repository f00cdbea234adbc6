"""People's names: stored when they use the bot, or requested from Discord, which sends no updates."""

import logging
from collections import OrderedDict

import discord
from sqlalchemy.exc import DBAPIError

from bot.discord_api.errors import UNKNOWN_MEMBER, UNKNOWN_USER
from models.storage.database import Database
from scheduler.core import members

log = logging.getLogger(__name__)

_REMEMBERED = 10_000
"""How many checked names to keep in memory, so that unchanged ones aren't compared again."""


class Names:
    """Keeps stored names of coaches and applicants up to date. No other names are stored."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._noted: OrderedDict[tuple[int, int], str] = OrderedDict()

    async def store(self, person: discord.User | discord.Member) -> None:
        """Store this person's name in the server they're using. Failures are logged and left for next time."""
        if not isinstance(person, discord.Member) or person.bot:
            return
        who, name = (person.guild.id, person.id), person.display_name
        if self._noted.get(who) == name:
            return
        try:
            async with self._db.read() as session:
                is_known = await members.is_called(session, *who, name)
            if not is_known:
                async with self._db.begin() as session:
                    await members.met(session, *who, name)
        except (DBAPIError, OSError) as failure:
            log.warning("the name of %s in guild %s was not stored: %s", person.id, person.guild.id, failure)
            return
        self._noted[who] = name
        while len(self._noted) > _REMEMBERED:
            self._noted.popitem(last=False)


async def name_of(client: discord.Client, guild: discord.Guild, user_id: int) -> str | None:
    """Return the person's server name, their Discord name if they left, or None if the account is deleted.

    Raises discord.HTTPException if Discord doesn't answer.
    """
    try:
        return (await guild.fetch_member(user_id)).display_name
    except discord.NotFound as error:
        if error.code not in (UNKNOWN_MEMBER, UNKNOWN_USER):
            raise
    try:
        return (await client.fetch_user(user_id)).display_name
    except discord.NotFound as error:
        if error.code != UNKNOWN_USER:
            raise
        return None
