"""Explanations when Discord refuses: which permission is missing and where; and nothing hangs."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from discord.http import Route
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.app import discord_port
from bot.discord_api import errors
from bot.discord_api.permissions import MAKE_ROOM, ROOM_GUEST, ROOM_VIDEO
from bot.discord_api.port import DiscordPort
from scheduler.core.errors import DiscordFailure, Unreachable
from scheduler.rooms.ports import Access, RoomSpec
from tests.support.direct import Direct
from tests.support.endpoint import GUILD_ID, OWNER_ID, TOKEN, Endpoint, local_discord
from tests.support.parameters import first_plain
from tests.support.simulated import UTC

NAMES = {
    "view_channel": "View Channels",
    "connect": "Connect",
    "send_messages": "Send Messages",
    "manage_channels": "Manage Channels",
    "manage_roles": "Manage Roles",
    "speak": "Speak",
    "stream": "Video",
    "read_message_history": "Read Message History",
    "attach_files": "Attach Files",
}
"""As Discord calls them."""
IN_THE_CATEGORY = "in the category Coaching: grant it to my role there"
IN_THE_SERVER = "in the server: grant it to my role"


def named(permissions: discord.Permissions) -> list[str]:
    return [one for one in NAMES if getattr(permissions, one)]


async def refusal_to_make(here: Direct) -> DiscordFailure:
    here.refuse("POST", "/guilds/*/channels")
    with pytest.raises(DiscordFailure) as failure:
        await here.port.ensure_room(here.a_room())
    return failure.value


async def refusal_to_open(here: Direct, channel_id: int) -> DiscordFailure:
    here.refuse("PATCH", f"/channels/{channel_id}")
    with pytest.raises(DiscordFailure) as failure:
        await here.port.open_room(here.a_room(channel_id=channel_id), Access((here.world.coach.id,), video=True))
    return failure.value


@pytest.mark.parametrize("missing", named(MAKE_ROOM))
async def test_a_permission_missing_in_the_category_is_named_with_it(here: Direct, missing: str):
    here.take_from_the_bot(missing, here.world.rooms.id)

    failure = await refusal_to_make(here)

    assert str(failure) == (
        f"can't create the room: I'm missing **{NAMES[missing]}** {IN_THE_CATEGORY} (HTTP 403, code 50013)"
    )
    assert failure.for_admins


@pytest.mark.parametrize("missing", named(MAKE_ROOM))
async def test_a_permission_missing_in_the_server_is_named_with_it(here: Direct, missing: str):
    here.take_from_the_bot(missing)

    failure = await refusal_to_make(here)

    assert str(failure) == (
        f"can't create the room: I'm missing **{NAMES[missing]}** {IN_THE_SERVER} (HTTP 403, code 50013)"
    )


@pytest.mark.parametrize(
    "missing",
    first_plain(
        named(discord.Permissions(ROOM_GUEST.value | ROOM_VIDEO.value, manage_channels=True, manage_roles=True)),
        plain=2,
    ),
)
async def test_a_permission_missing_to_open_a_room_is_named_with_it(here: Direct, missing: str):
    channel_id = await here.port.ensure_room(here.a_room())
    here.backend.channels[channel_id].name = "the room"
    here.take_from_the_bot(missing, channel_id)

    there = await refusal_to_open(here, channel_id)
    here.take_from_the_bot(missing)
    everywhere = await refusal_to_open(here, channel_id)

    name = NAMES[missing]
    assert f": I'm missing **{name}** in the channel the room: grant it to my role there (HTTP" in str(there)
    assert f": I'm missing **{name}** {IN_THE_SERVER} (HTTP" in str(everywhere)
    assert there.for_admins
    assert everywhere.for_admins


async def test_the_bot_cannot_pass_on_what_only_the_room_allows(here: Direct):
    """https://docs.discord.com/developers/resources/channel#edit-channel-permissions: only what it has itself."""
    channel_id = await here.port.ensure_room(here.a_room())
    here.take_from_the_bot("connect")  # which the room allows the bot

    failure = await refusal_to_open(here, channel_id)

    assert f"I'm missing **Connect** {IN_THE_SERVER} (" in str(failure)


async def test_each_channel_is_reported_with_what_is_missing_there(here: Direct):
    here.take_from_the_bot("manage_channels", here.world.rooms.id)
    here.take_from_the_bot("manage_roles")

    failure = await refusal_to_make(here)

    assert (
        f"I'm missing **Manage Roles** {IN_THE_SERVER}; I'm missing **Manage Channels** {IN_THE_CATEGORY} ("
        in str(failure)
    )


async def test_permissions_for_another_category_are_missing_in_the_server(
    here: Direct, monkeypatch: pytest.MonkeyPatch
):
    here.fill("Coaching")
    here.take_from_the_bot("manage_channels")
    allowed = Overwrite(here.bot_role.id, OverwriteType.ROLE, allow=discord.Permissions.manage_channels.flag)
    here.backend.channels[here.world.rooms.id].overwrites[:] = [allowed]
    required = here.backend.require_permissions
    monkeypatch.setattr(here.backend, "require_permissions", lambda *_: None)  # it checks only the server
    full = here.backend.create_channel

    def create_channel(guild_id: int, name: str, **given: Any) -> Any:
        if given["type"] == discord.ChannelType.category.value:
            required(guild_id, here.backend.bot_user.id, None, "manage_channels")
        return full(guild_id, name, **given)

    monkeypatch.setattr(here.backend, "create_channel", create_channel)

    with pytest.raises(DiscordFailure) as failure:
        await here.port.ensure_room(here.a_room())

    assert f"I'm missing **Manage Channels** {IN_THE_SERVER} (" in str(failure.value)


async def test_an_unexplained_refusal_points_to_the_list_of_permissions(here: Direct):
    failure = await refusal_to_make(here)

    assert str(failure) == (
        "can't create the room: the bot is missing a permission there; `coachbot invite` lists what it needs "
        "(HTTP 403, code 50013)"
    )
    assert failure.for_admins


async def test_a_refusal_is_reported_even_if_its_reason_stays_unknown(here: Direct):
    here.take_from_the_bot("manage_channels")
    here.refuse("GET", "/guilds/*/members/*", status=500)

    failure = await refusal_to_make(here)

    assert "the bot is missing a permission there" in str(failure)


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_role_above_the_bots_own_is_named(here: Direct, wanted: bool):
    world, role = here.world, here.world.coach_role
    if not wanted:
        here.backend.add_member_role(world.guild.id, world.coach.id, role.id)
    here.backend.edit_role(world.guild.id, role.id, {"position": 999})
    await world.env.settle()

    with pytest.raises(DiscordFailure) as failure:
        await here.port.set_role(world.guild.id, world.coach.id, role.id, wanted=wanted)

    assert "my role must be above the role Coach: drag it up in Server Settings → Roles (" in str(failure.value)
    assert failure.value.for_admins


async def test_missing_manage_roles_is_reported_and_no_role_is_given(here: Direct):
    here.take_from_the_bot("manage_roles")

    with pytest.raises(DiscordFailure) as failure:
        await here.port.set_role(here.world.guild.id, here.world.coach.id, here.world.coach_role.id, wanted=True)
    with pytest.raises(DiscordFailure) as of_session:
        await here.port.ensure_role(here.a_room(role_intended_at=here.world.now))

    assert f"I'm missing **Manage Roles** {IN_THE_SERVER} (" in str(failure.value)
    assert f"create the session's role: I'm missing **Manage Roles** {IN_THE_SERVER} (" in str(of_session.value)


async def test_an_apps_role_is_given_to_nobody(here: Direct):
    with pytest.raises(
        DiscordFailure, match="the role Coaching is managed by an app, so nobody can give or take it"
    ):
        await here.port.set_role(here.world.guild.id, here.world.coach.id, here.bot_role.id, wanted=True)


async def test_a_deleted_coach_role_is_reported_to_admins(here: Direct):
    world = here.world
    here.backend.delete_role(world.guild.id, world.coach_role.id)

    with pytest.raises(DiscordFailure, match="no longer exists") as failure:
        await here.port.set_role(world.guild.id, world.coach.id, world.coach_role.id, wanted=True)
    await here.port.set_role(world.guild.id, world.coach.id, world.coach_role.id, wanted=False)

    assert failure.value.for_admins


async def test_required_two_factor_authentication_is_reported(here: Direct):
    here.refuse("POST", "/guilds/*/channels", code=60003)

    with pytest.raises(DiscordFailure, match="two-factor authentication") as failure:
        await here.port.ensure_room(here.a_room())

    assert failure.value.for_admins


async def test_a_removed_bot_is_reported(here: Direct):
    here.refuse("GET", "/guilds/*/channels", code=50001)
    here.refuse("GET", f"/guilds/{here.world.guild.id}", code=50001)

    with pytest.raises(DiscordFailure, match="not in this server any more"):
        await here.port.voice_rooms(here.world.guild.id)


@pytest.mark.parametrize(("status", "code"), [(500, 0), (429, 40003), (400, 50035)])
async def test_temporary_failures_are_not_reported_to_admins(here: Direct, status: int, code: int):
    here.refuse("GET", "/guilds/*/channels", status=status, code=code)

    with pytest.raises(DiscordFailure) as failure:
        await here.port.voice_rooms(here.world.guild.id)

    assert not failure.value.for_admins
    assert not isinstance(failure.value, Unreachable)


async def test_a_silent_discord_is_given_up_on(here: Direct, monkeypatch: pytest.MonkeyPatch):
    http = here.world.env.bot.http
    impatient = discord_port(here.world.env.bot, patience=dt.timedelta(0))

    async def nothing(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(http, "request", nothing)

    with pytest.raises(DiscordFailure, match="no answer within 0 seconds") as failure:
        await impatient.ensure_room(here.a_room())

    assert not failure.value.for_admins


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    async with local_discord() as endpoint:
        monkeypatch.setattr(Route, "BASE", endpoint.api)
        yield endpoint


@pytest.fixture
async def client(endpoint: Endpoint) -> AsyncIterator[discord.Client]:
    patience = errors.CALL_TIMEOUT.total_seconds()
    async with discord.Client(intents=discord.Intents(guilds=True), max_ratelimit_timeout=patience) as client:
        await client.login(TOKEN)
        yield client


@pytest.fixture
def port(client: discord.Client) -> DiscordPort:
    return discord_port(client, gateway=False)


async def test_a_long_rate_limit_is_reported_instead_of_waited_out(endpoint: Endpoint, port: DiscordPort):
    endpoint.slow_down("GET", f"/guilds/{GUILD_ID}/channels", seconds=3600)

    with pytest.raises(DiscordFailure, match="Discord is rate limiting the bot for 3600 seconds") as failure:
        await port.voice_rooms(GUILD_ID)

    assert not failure.value.for_admins
    assert await port.is_member(GUILD_ID, OWNER_ID)


@pytest.mark.slow
async def test_a_cancelled_global_rate_limit_does_not_block_later_requests(
    endpoint: Endpoint, client: discord.Client, port: DiscordPort
):
    endpoint.slow_down("GET", f"/guilds/{GUILD_ID}/channels", seconds=30)
    impatient = discord_port(client, gateway=False, patience=dt.timedelta(seconds=1))
    with pytest.raises(DiscordFailure, match="no answer within 1 seconds, or Discord is rate limiting the bot"):
        await impatient.voice_rooms(GUILD_ID)

    async with asyncio.timeout(20):
        assert await port.is_member(GUILD_ID, OWNER_ID)


async def test_a_missing_permission_is_found_over_rest_alone(endpoint: Endpoint, port: DiscordPort):
    endpoint.refuse("POST", f"/guilds/{GUILD_ID}/channels")
    category = endpoint.add_channel(
        5, type=discord.ChannelType.category.value, name="Rooms", permission_overwrites=[]
    )
    category["permission_overwrites"] = [
        {"id": str(GUILD_ID), "type": 0, "allow": "0", "deny": str(discord.Permissions.manage_channels.flag)}
    ]

    with pytest.raises(DiscordFailure, match=r"I'm missing \*\*Manage Channels\*\* in the category Rooms"):
        await port.ensure_room(RoomSpec(GUILD_ID, "room", 5, None, dt.datetime.now(UTC), "why"))
