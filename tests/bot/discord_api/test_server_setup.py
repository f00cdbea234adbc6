"""Channels, categories and roles the bot creates: requested again, requested twice, answered 502."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models import Guild
from models.storage.database import Database
from scheduler.core.errors import DiscordFailure
from scheduler.servers.resources import Flaw, ServerResource
from scheduler.servers.settings import GuildDefaults
from tests.support.direct import Direct, direct

NAMES = {
    ServerResource.REVIEW_CHANNEL: "coach-applications",
    ServerResource.LOG_CHANNEL: "coaching-log",
    ServerResource.ROOM_CATEGORY: "Coaching",
    ServerResource.COACH_ROLE: "Coach",
}


@pytest.fixture
async def here(db: Database) -> AsyncIterator[Direct]:
    """Open a server in which nothing has one of the names."""
    async with direct(db) as made:
        made.backend.delete_channel(made.world.rooms.id)
        made.backend.delete_role(made.world.guild.id, made.world.coach_role.id)
        yield made


def settings(here: Direct, **given: int) -> Guild:
    return Guild(id=here.world.guild.id, **GuildDefaults().values, **given)


def named(here: Direct, place: ServerResource) -> list[int]:
    guild = here.world.guild._guild
    if place.is_role:
        return [role.id for role in guild.roles.values() if role.name == NAMES[place]]
    return [one for one in guild.channel_ids if here.backend.channels[one].name == NAMES[place]]


@pytest.mark.parametrize("place", list(NAMES))
async def test_asking_again_returns_the_same_one(here: Direct, place: ServerResource):
    first = await here.port.ensure_place(settings(here), place)

    before = len(here.world.env.http_requests)
    again = await here.port.ensure_place(settings(here), place)

    assert again == first
    assert named(here, place) == [first]
    assert {one.method for one in here.world.env.http_requests[before:]} == {"GET"}


@pytest.mark.parametrize("place", list(NAMES))
async def test_simultaneous_callers_get_the_same_one(here: Direct, place: ServerResource):
    asked = (here.port.ensure_place(settings(here), place) for _ in range(4))

    made = await asyncio.gather(*asked)

    assert named(here, place) == list(set(made))


@pytest.mark.parametrize("place", list(NAMES))
async def test_a_request_that_took_effect_twice_leaves_one(here: Direct, place: ServerResource):
    path = "/guilds/{guild_id}/roles" if place.is_role else "/guilds/{guild_id}/channels"

    with here.twice("POST", path):
        made = await here.port.ensure_place(settings(here), place)

    assert named(here, place) == [made]


async def test_an_existing_choice_is_kept_whatever_its_name(here: Direct):
    chosen = settings(here, review_channel_id=here.world.lobby.id)

    kept = await here.port.ensure_place(chosen, ServerResource.REVIEW_CHANNEL)

    assert kept == here.world.lobby.id
    assert named(here, ServerResource.REVIEW_CHANNEL) == []


async def test_missing_permissions_to_create_it_are_named(here: Direct):
    here.take_from_the_bot("manage_roles")

    with pytest.raises(DiscordFailure, match=r"can't create the coach role: I'm missing \*\*Manage Roles\*\*"):
        await here.port.ensure_place(settings(here), ServerResource.COACH_ROLE)


async def test_a_bot_without_a_role_creates_none_it_could_not_give(here: Direct):
    guild = here.world.guild._guild
    guild.everyone_role.permissions = here.bot_role.permissions
    guild.members[here.backend.bot_user.id].role_ids.clear()

    with pytest.raises(DiscordFailure, match="I have no role of my own"):
        await here.port.ensure_place(settings(here), ServerResource.COACH_ROLE)

    assert named(here, ServerResource.COACH_ROLE) == []


async def test_both_kinds_of_admins_see_a_new_channel(here: Direct):
    helpers = here.world.guild.create_role("Helpers")
    helper = here.world.guild.add_member(here.world.env.create_user("hal"), roles=[helpers])

    made = await here.port.ensure_place(settings(here, admin_role_id=helpers.id), ServerResource.LOG_CHANNEL)

    channel = here.world.guild.channels["coaching-log"]
    assert channel.id == made
    assert here.world.sees(helper, channel)
    assert here.world.sees(here.world.admin, channel)
    assert not here.world.sees(here.world.student, channel)


async def test_the_check_reports_what_is_unset_deleted_or_denied(here: Direct):
    here.take_from_the_bot("send_messages", here.world.review.id)
    chosen = settings(here, review_channel_id=here.world.review.id, log_channel_id=1, admin_role_id=1)

    found = await here.port.look_around(chosen)

    assert {(one.place, one.flaw) for one in found} == {
        (ServerResource.REVIEW_CHANNEL, Flaw.LACKING),
        (ServerResource.LOG_CHANNEL, Flaw.GONE),
        (ServerResource.ADMIN_ROLE, Flaw.GONE),
        (ServerResource.COACH_ROLE, Flaw.UNSET),
        (ServerResource.ROOM_CATEGORY, Flaw.UNSET),
        (ServerResource.FALLBACK_CHANNEL, Flaw.UNSET),
        (ServerResource.WORKSHOP_CHANNEL, Flaw.UNSET),
    }
    assert [one.missing for one in found if one.flaw is Flaw.LACKING] == [("Send Messages",)]
    assert [one.place for one in found if one.is_severe] == [ServerResource.REVIEW_CHANNEL]


async def test_the_check_changes_nothing(here: Direct):
    before = len(here.world.env.http_requests)

    await here.port.look_around(settings(here))

    assert {one.method for one in here.world.env.http_requests[before:]} == {"GET"}
