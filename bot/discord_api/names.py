"""What people look like: stored when they use the bot, or requested from Discord, which sends no updates."""

import logging
from collections import OrderedDict
from collections.abc import Collection

import discord
from sqlalchemy.exc import DBAPIError

from bot.discord_api.errors import UNKNOWN_MEMBER, UNKNOWN_USER, expect_gone
from models.storage.database import Database
from scheduler.core import members

log = logging.getLogger(__name__)

_MOST_REMEMBERED = 10_000
"""How many stored profiles to remember, so that unchanged ones aren't checked again."""
_A_REQUEST = 100
"""How many members Discord lists at once: https://docs.discord.com/developers/events/gateway-events#request-guild-members."""
_MOST_WHO_LEFT = 100
"""How many people to look up one by one."""
_AVATAR_PIXELS = 128


class Names:
    """Keeps names and avatars of coaches and applicants up to date."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._stored: OrderedDict[tuple[int, int], members.Profile] = OrderedDict()

    async def store(self, interaction: discord.Interaction) -> None:
        """Store what Discord says about the person. Failures are logged and left for next time."""
        person, guild_id = interaction.user, interaction.guild_id
        if person.bot or guild_id is None:
            return
        who, seen = (guild_id, person.id), _profile(person)
        if self._stored.get(who) == seen:
            return
        try:
            async with self._db.read() as session:
                stored = await members.stored_profile(session, *who)
            if stored is None:
                return
            if stored != seen:
                async with self._db.begin() as session:
                    await members.store_profile(session, *who, seen)
        except (DBAPIError, OSError) as failure:
            log.warning("the profile of %s in guild %s was not stored: %s", person.id, guild_id, failure)
            return
        self._stored[who] = seen
        while len(self._stored) > _MOST_REMEMBERED:
            self._stored.popitem(last=False)


def _profile(person: discord.Member | discord.User) -> members.Profile:
    avatar = (person.guild_avatar if isinstance(person, discord.Member) else None) or person.avatar
    url = avatar.replace(size=_AVATAR_PIXELS, static_format="png").url if avatar else None
    return members.Profile(person.display_name[: members.LONGEST_NAME], url)


async def name_of(client: discord.Client, guild: discord.Guild | None, user_id: int) -> str | None:
    """Return the person's server name, their Discord name if they aren't in it, or None without an account.

    Raises discord.HTTPException if Discord doesn't answer.
    """
    if guild is not None and (member := await find_member(guild, user_id)) is not None:
        return member.display_name
    return await _name_elsewhere(client, user_id)


async def _name_elsewhere(client: discord.Client, user_id: int) -> str | None:
    with expect_gone(UNKNOWN_USER):
        return (await client.fetch_user(user_id)).display_name
    return None


async def names_of(client: discord.Client, guild: discord.Guild, user_ids: Collection[int]) -> dict[int, str]:
    """Return many people's names like `name_of`, with few requests: a hundred members at once.

    Looks up at most 100 of those who left. Leaves out the others, and whoever Discord doesn't answer about.
    """
    found: dict[int, str] = {}
    wanted = sorted(user_ids)
    try:
        for start in range(0, len(wanted), _A_REQUEST):
            some = wanted[start : start + _A_REQUEST]
            for member in await guild.query_members(user_ids=some, limit=_A_REQUEST, cache=False):
                found[member.id] = member.display_name
        left = [user_id for user_id in wanted if user_id not in found]
        for user_id in left[:_MOST_WHO_LEFT]:
            if (name := await _name_elsewhere(client, user_id)) is not None:
                found[user_id] = name
    except (discord.HTTPException, TimeoutError) as failure:
        log.warning("can't look up all names in guild %s: %s", guild.id, failure)
    return found


async def find_member(guild: discord.Guild, user_id: int) -> discord.Member | None:
    """Request a member, or None if they aren't in the server. Without the privileged intent, none are cached."""
    with expect_gone(UNKNOWN_MEMBER, UNKNOWN_USER):
        return await guild.fetch_member(user_id)
    return None
