"""Creating what a server lacks, and clearing optional channels and roles."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Guild
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import DiscordFailure, Misconfigured, NotAllowed, NotFound
from scheduler.servers import settings, setup
from scheduler.servers.resources import CREATABLE, ServerResource
from scheduler.servers.settings import GuildChanges, GuildDefaults
from tests.support.builders import ADMIN, GUILD, MONDAY, STUDENT, FakeClock, refusal
from tests.support.fakes import FakeDiscord
from tests.support.transactions import fetch_all, query, transact

DEFAULTS = GuildDefaults()
OPTIONAL = (
    ServerResource.LOG_CHANNEL,
    ServerResource.FALLBACK_CHANNEL,
    ServerResource.ADMIN_ROLE,
    ServerResource.WORKSHOP_CHANNEL,
)
REFUSED = DiscordFailure("cannot make the log channel: I lack Manage Channels", for_admins=True)


async def make(db: Database, discord: FakeDiscord, place: ServerResource, actor: Actor = ADMIN) -> None:
    await setup.create(db, discord, FakeClock(), DEFAULTS, GUILD, actor, place)


async def pick(db: Database, place: ServerResource) -> None:
    """Set it to 42."""
    async with db.begin() as session:
        guild = await settings.ensure(session, GUILD, DEFAULTS, MONDAY)
        await settings.change(session, guild, ADMIN, GuildChanges(**{place.column: 42}), MONDAY)


async def clear(session: AsyncSession, place: ServerResource, actor: Actor = ADMIN) -> None:
    await settings.clear(session, await session.get_one(Guild, GUILD), actor, place.column, MONDAY)


async def chosen(db: Database, place: ServerResource) -> int | None:
    return place.id_in(await query(db, settings.look_up, GUILD, DEFAULTS))


async def changes(db: Database) -> int:
    return len(await fetch_all(db, select(AuditEntry.id)))


@pytest.mark.parametrize("place", CREATABLE)
async def test_a_created_resource_is_set_and_audited_once(db: Database, place: ServerResource) -> None:
    discord = FakeDiscord()
    await make(db, discord, place)
    first = await chosen(db, place)

    await make(db, discord, place)

    assert first is not None
    assert await chosen(db, place) == first
    assert await changes(db) == 1


@pytest.mark.parametrize("place", [place for place in ServerResource if place not in CREATABLE])
async def test_the_bot_cannot_create_every_resource(db: Database, place: ServerResource) -> None:
    discord = FakeDiscord()

    with pytest.raises(NotFound):
        await make(db, discord, place)

    assert discord.asked() == []


async def test_only_admins_create_resources(db: Database) -> None:
    discord = FakeDiscord()

    with pytest.raises(NotAllowed):
        await make(db, discord, ServerResource.LOG_CHANNEL, Actor(STUDENT))

    assert discord.asked() == []


async def test_a_channel_picked_while_one_is_created_stays(db: Database) -> None:
    discord = FakeDiscord()

    discord.meanwhile("ensure_place", lambda _: pick(db, ServerResource.LOG_CHANNEL))
    await make(db, discord, ServerResource.LOG_CHANNEL)

    assert await chosen(db, ServerResource.LOG_CHANNEL) == 42
    assert await changes(db) == 1


async def test_a_refusal_of_discord_becomes_a_sentence(db: Database) -> None:
    discord = FakeDiscord()
    discord.fail("ensure_place", REFUSED)

    with pytest.raises(Misconfigured, match=r"^Cannot make the log channel: I lack .*then try again\.$"):
        await make(db, discord, ServerResource.LOG_CHANNEL)

    assert await chosen(db, ServerResource.LOG_CHANNEL) is None


async def test_no_issues_are_reported_if_discord_does_not_answer(db: Database) -> None:
    discord = FakeDiscord()
    discord.fail("look_around", DiscordFailure("Discord did not answer"))

    assert await setup.inspect_server(discord, Guild(id=GUILD)) is None


@pytest.mark.parametrize("place", list(ServerResource))
async def test_only_optional_channels_and_roles_can_be_cleared(db: Database, place: ServerResource) -> None:
    await pick(db, place)

    if place in OPTIONAL:
        await transact(db, clear, place)
        assert await chosen(db, place) is None
    else:
        await refusal(db, NotFound, lambda s: clear(s, place))


async def test_only_admins_clear_channels(db: Database) -> None:
    await pick(db, ServerResource.LOG_CHANNEL)

    await refusal(db, NotAllowed, lambda s: clear(s, ServerResource.LOG_CHANNEL, Actor(STUDENT)))
