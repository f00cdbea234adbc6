"""What people are called: noted as they press, or asked of Discord, which does not tell of new names by itself."""

import logging
from collections import OrderedDict

import discord
from sqlalchemy.exc import DBAPIError

from bot.discord_api.errors import UNKNOWN_MEMBER, UNKNOWN_USER
from models.storage.database import Database
from scheduler.core import members

log = logging.getLogger(__name__)

_REMEMBERED = 10_000
"""People whose name is not looked up again while the process runs and it stays the same."""


class Names:
    """Keeps the names of coaches and applicants up to date; of other people none is kept in the database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._noted: OrderedDict[tuple[int, int], str] = OrderedDict()

    async def met(self, person: discord.User | discord.Member) -> None:
        """Note how this person is called in the server in which they press; what fails is for another time."""
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
            log.warning("the name of %s in guild %s was not noted: %s", person.id, person.guild.id, failure)
            return
        self._noted[who] = name
        while len(self._noted) > _REMEMBERED:
            self._noted.popitem(last=False)


async def name_of(client: discord.Client, guild: discord.Guild, user_id: int) -> str | None:
    """The person's name in the server, at Discord if they have left, None if the account is gone.

    Raises discord.HTTPException if Discord does not say.
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
