"""The welcome message: sent once to each server, where the bot can write."""

from typing import Any

import discord
import pytest
from simcord.backend import serializers
from simcord.backend.models import Overwrite
from simcord.builders import ChannelHandle, GuildHandle
from simcord.enums import OverwriteType
from sqlalchemy import select

from cogs.routes import OPEN_SETUP
from models import Guild, Notification, NotificationKind
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels
from tests.support.transactions import fetch_all

HELLO = "Hello! I run coaching sessions"
SILENT = discord.Permissions(view_channel=True, use_application_commands=True)


async def join(world: Academy, guild: GuildHandle) -> None:
    """Add the bot to this server: Discord sends a server it didn't announce before."""
    payload: dict[str, Any] = dict(serializers.guild_create_payload(world.env.backend, guild._guild))
    payload.pop("unavailable")
    world.env.backend.emit("GUILD_CREATE", payload)
    await world.env.settle()


def said_in(channel: ChannelHandle) -> list[str]:
    return [words(one) for one in channel.history() if HELLO in words(one)]


def said_anywhere(world: Academy) -> int:
    return sum(len(said_in(one)) for one in (world.lobby, world.review, world.guild.owner.dm_channel))


async def welcomes(world: Academy) -> list[Notification]:
    return await fetch_all(world.db, select(Notification).where(Notification.kind == NotificationKind.WELCOME))


def silence(world: Academy) -> None:
    """Let the bot write nowhere."""
    for role in world.guild._guild.roles.values():
        if role.managed or role.id == world.guild.id:
            world.env.backend.edit_role(world.guild.id, role.id, {"permissions": SILENT.value})


async def test_the_welcome_in_the_first_channel_opens_the_setup(world: Academy) -> None:
    await join(world, world.guild)

    [message] = world.lobby.history()
    assert HELLO in words(message)
    assert labels(message) == {"Set up coaching": OPEN_SETUP.id()}
    assert said_anywhere(world) == 1
    answer = await world.admin.click(message, label="Set up coaching")
    assert "### Coaching setup: 4 things to fix" in words(reply(answer))
    assert HELLO in words(world.lobby.last_message), "the public message doesn't change"


async def test_only_admins_can_use_its_button(world: Academy) -> None:
    await join(world, world.guild)

    answer = await world.outsider.click(world.lobby.last_message, label="Set up coaching")

    assert words(reply(answer)).startswith("Only admins can do this.")


async def test_the_system_channel_is_preferred(world: Academy) -> None:
    world.env.backend.edit_guild(world.guild.id, {"system_channel_id": world.review.id})

    await join(world, world.guild)

    assert (len(said_in(world.review)), len(said_in(world.lobby))) == (1, 0)


async def test_a_system_channel_without_write_access_is_skipped(world: Academy) -> None:
    role = next(one for one in world.guild._guild.roles.values() if one.managed)
    quiet, backend = world.guild.create_text_channel("quiet"), world.env.backend
    deny = discord.Permissions(send_messages=True).value
    backend.set_overwrite(quiet.id, Overwrite(target_id=role.id, type=OverwriteType.ROLE, deny=deny))
    backend.edit_guild(world.guild.id, {"system_channel_id": quiet.id})

    await join(world, world.guild)

    assert (len(said_in(quiet)), len(said_in(world.lobby))) == (0, 1)


async def test_restarts_outages_and_returns_send_no_second_welcome(world: Academy) -> None:
    await join(world, world.guild)

    await world.restart()
    await join(world, world.guild)
    world.env.backend.emit("GUILD_CREATE", serializers.guild_create_payload(world.env.backend, world.guild._guild))
    await world.env.settle()
    await world.restart()

    assert said_anywhere(world) == 1
    assert len(await welcomes(world)) == 1


async def test_a_server_joined_while_offline_is_welcomed_at_the_start(world: Academy) -> None:
    await world.restart()
    await world.restart()

    assert said_anywhere(world) == 1


async def test_a_server_already_in_use_gets_no_welcome(world: Academy) -> None:
    await world.set_up()

    await world.restart()

    assert said_anywhere(world) == 0


async def test_a_failed_request_is_repeated_without_a_second_welcome(world: Academy) -> None:
    path = f"/channels/{world.lobby.id}/messages"
    world.env.inject_error("POST", path, status=500, code=0)

    await join(world, world.guild)
    before = said_anywhere(world)
    await world.wait_until(world.now + world.minutes(1))

    assert (before, said_anywhere(world)) == (0, 1)


async def test_if_discord_refuses_the_channel_the_owner_gets_the_welcome(world: Academy) -> None:
    path = f"/channels/{world.lobby.id}/messages"
    world.env.inject_error("POST", path, status=403, code=50013, times=None)

    await join(world, world.guild)

    assert len(said_in(world.guild.owner.dm_channel)) == 1


async def test_if_no_channel_is_writable_the_owner_gets_it_without_a_button(world: Academy) -> None:
    silence(world)

    await join(world, world.guild)

    [hello] = said_in(world.guild.owner.dm_channel)
    assert "go to the server and use `/coaching setup`" in hello
    assert labels(world.guild.owner.dm_channel.last_message) == {}
    assert said_anywhere(world) == 1


@pytest.mark.parametrize("once_more", ["restart", "let in again"])
async def test_an_undeliverable_welcome_is_sent_when_the_bot_returns(world: Academy, once_more: str) -> None:
    silence(world)
    dm = world.guild.owner.dm_channel
    world.env.inject_error("POST", f"/channels/{dm.id}/messages", status=403, code=50007, times=None)

    await join(world, world.guild)
    [recorded] = await welcomes(world)
    world.env.backend.faults.clear()
    if once_more == "restart":
        await world.restart()
    else:
        await join(world, world.guild)

    assert recorded.given_up_at is not None
    assert (recorded.due_at, recorded.last_error) == (None, "their direct messages are closed")
    assert len(said_in(world.guild.owner.dm_channel)) == (0 if once_more == "restart" else 1)
    assert len(await welcomes(world)) == 1


async def test_each_server_gets_its_own_welcome(world: Academy) -> None:
    elsewhere = world.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    await join(world, world.guild)

    await join(world, elsewhere)

    assert len(said_in(hall)) == 1
    assert said_anywhere(world) == 1
    assert await world.count(Guild) == 2
