"""Which servers concern someone in direct messages: those with rows of theirs, where they still are."""

import pytest

from models.storage.database import Database
from scheduler.core.errors import CoachingError, DiscordFailure, NotInServer
from scheduler.servers import own_servers
from tests.support.builders import COACH, GUILD, MONDAY, STUDENT, a_coach, a_guild, a_session
from tests.support.fakes import FakeDiscord

OTHER, LEFT, STRANGER = GUILD + 1, GUILD + 2, 4242


async def three_servers(db: Database) -> None:
    """Store a server with a session, one with a coach only, and one that the bot was removed from."""
    async with db.begin() as session:
        for guild_id in (GUILD, OTHER, LEFT):
            removed_at = MONDAY if guild_id == LEFT else None
            await a_guild(session, id=guild_id, bot_removed_at=removed_at)
            await a_coach(session, guild_id=guild_id)
        await a_session(session, starts_at=MONDAY)


async def found(db: Database, discord: FakeDiscord, user_id: int, *, home: int | None = None) -> list[int]:
    def serves(guild_id: int) -> bool:
        return home in (None, guild_id)

    return [guild.id for guild in await own_servers.find(db, discord, serves, user_id)]


async def test_servers_with_sessions_or_an_application_are_found(db: Database) -> None:
    await three_servers(db)
    discord = FakeDiscord()

    assert await found(db, discord, COACH) == [GUILD, OTHER]
    assert await found(db, discord, STUDENT) == [GUILD]
    assert await found(db, discord, STRANGER) == []


async def test_a_home_server_is_the_only_one(db: Database) -> None:
    await three_servers(db)
    discord = FakeDiscord()

    assert await found(db, discord, COACH, home=OTHER) == [OTHER]
    assert len(discord.asked("is_member")) == 1


async def test_who_has_left_finds_none(db: Database) -> None:
    await three_servers(db)
    discord = FakeDiscord()
    discord.gone.add(STUDENT)

    assert await found(db, discord, STUDENT) == []


async def test_a_server_without_the_bot_is_left_out(db: Database) -> None:
    await three_servers(db)
    discord = FakeDiscord()
    discord.fail("is_member", NotInServer("the bot isn't in the server"))

    assert await found(db, discord, COACH) == []


async def test_without_an_answer_nothing_is_shown(db: Database) -> None:
    await three_servers(db)
    discord = FakeDiscord()
    discord.fail("is_member", DiscordFailure("Discord did not answer"))

    with pytest.raises(CoachingError, match="Try again in a minute"):
        await found(db, discord, COACH)
