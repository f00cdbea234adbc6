"""Making what a server lacks: who may, what is set, and what stays as somebody else has set it meanwhile."""

import pytest
from sqlalchemy import select

from models import AuditEntry, Guild
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import DiscordFailure, Misconfigured, NotAllowed, NotFound
from scheduler.servers import settings, setup
from scheduler.servers.resources import MADE, ServerResource
from scheduler.servers.settings import GuildChanges, GuildDefaults
from tests.support.builders import ADMIN, GUILD, STUDENT, FakeClock
from tests.support.fakes import Call, FakeDiscord
from tests.support.transactions import fetch_all

DEFAULTS = GuildDefaults()
REFUSED = DiscordFailure("cannot make the log channel: I lack Manage Channels", for_admins=True)


async def make(db: Database, discord: FakeDiscord, place: ServerResource, actor: Actor = ADMIN) -> None:
    await setup.make(db, discord, FakeClock(), DEFAULTS, GUILD, actor, place)


async def change(db: Database, place: ServerResource, id_: int) -> None:
    async with db.begin() as session:
        guild = await settings.ensure(session, GUILD, DEFAULTS, FakeClock()())
        await settings.change(session, guild, ADMIN, GuildChanges(**{place.column: id_}), FakeClock()())


async def chosen(db: Database, place: ServerResource) -> int | None:
    async with db.read() as session:
        guild = await session.get(Guild, GUILD)
        return place.id_in(guild) if guild else None


async def changes(db: Database) -> int:
    return len(await fetch_all(db, select(AuditEntry.id)))


@pytest.mark.parametrize("place", MADE)
async def test_what_is_made_is_set_once_and_audited_once(db: Database, place: ServerResource) -> None:
    discord = FakeDiscord()
    await make(db, discord, place)
    first = await chosen(db, place)

    await make(db, discord, place)

    assert first is not None
    assert await chosen(db, place) == first
    assert await changes(db) == 1


@pytest.mark.parametrize("place", [place for place in ServerResource if place not in MADE])
async def test_what_only_people_can_know_is_not_made(db: Database, place: ServerResource) -> None:
    discord = FakeDiscord()

    with pytest.raises(NotFound):
        await make(db, discord, place)

    assert discord.asked() == []


async def test_nobody_but_admins_makes_anything(db: Database) -> None:
    discord = FakeDiscord()

    with pytest.raises(NotAllowed):
        await make(db, discord, ServerResource.LOG_CHANNEL, Actor(STUDENT))

    assert discord.asked() == []


async def test_what_somebody_picks_while_it_is_being_made_stays(db: Database) -> None:
    discord = FakeDiscord()

    async def picked(_call: Call) -> None:
        await change(db, ServerResource.LOG_CHANNEL, 42)

    discord.meanwhile("ensure_place", picked)
    await make(db, discord, ServerResource.LOG_CHANNEL)

    assert await chosen(db, ServerResource.LOG_CHANNEL) == 42
    assert await changes(db) == 1


async def test_what_discord_refuses_is_said_as_a_sentence(db: Database) -> None:
    discord = FakeDiscord()
    discord.fail("ensure_place", REFUSED)

    with pytest.raises(Misconfigured, match=r"^Cannot make the log channel: I lack .*then try again\.$"):
        await make(db, discord, ServerResource.LOG_CHANNEL)

    assert await chosen(db, ServerResource.LOG_CHANNEL) is None


async def test_where_discord_does_not_say_what_is_wrong_nothing_is_claimed(db: Database) -> None:
    discord = FakeDiscord()
    discord.fail("look_around", DiscordFailure("Discord did not answer"))

    assert await setup.inspect_server(discord, Guild(id=GUILD)) is None


DISPENSABLE = (ServerResource.LOG_CHANNEL, ServerResource.FALLBACK_CHANNEL, ServerResource.ADMIN_ROLE)


@pytest.mark.parametrize("place", list(ServerResource))
async def test_only_what_a_server_can_do_without_is_cleared(db: Database, place: ServerResource) -> None:
    await change(db, place, 42)

    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        if place in DISPENSABLE:
            await settings.clear(session, guild, ADMIN, place.column, FakeClock()())
        else:
            with pytest.raises(NotFound):
                await settings.clear(session, guild, ADMIN, place.column, FakeClock()())

    assert await chosen(db, place) == (None if place in DISPENSABLE else 42)


async def test_nobody_but_admins_clears_anything(db: Database) -> None:
    await change(db, ServerResource.LOG_CHANNEL, 42)

    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        with pytest.raises(NotAllowed):
            await settings.clear(session, guild, Actor(STUDENT), "log_channel_id", FakeClock()())

    assert await chosen(db, ServerResource.LOG_CHANNEL) == 42
