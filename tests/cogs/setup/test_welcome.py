"""What the bot says when it comes into a server: once, wherever it may write, whatever happens in between."""

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

HELLO = "Hello! I run coaching here"
SILENT = discord.Permissions(view_channel=True, use_application_commands=True)


async def joins(world: Academy, guild: GuildHandle) -> None:
    """Somebody lets the bot into this server: Discord tells of one that it did not announce before."""
    payload: dict[str, Any] = dict(serializers.guild_create_payload(world.env.backend, guild._guild))
    payload.pop("unavailable")
    world.env.backend.emit("GUILD_CREATE", payload)
    await world.env.settle()


def said_in(channel: ChannelHandle) -> list[str]:
    return [words(one) for one in channel.history() if HELLO in words(one)]


def said_to_owner(world: Academy) -> list[str]:
    return [one for one in (words(message) for message in world.guild.owner.dm_channel.history()) if HELLO in one]


async def said_anywhere(world: Academy) -> int:
    everywhere = sum(len(said_in(one)) for one in (world.lobby, world.review))
    return everywhere + len(said_to_owner(world))


async def welcomes(world: Academy) -> list[Notification]:
    return await fetch_all(world.db, select(Notification).where(Notification.kind == NotificationKind.WELCOME))


def silence(world: Academy) -> None:
    """The bot may write nowhere."""
    for role in world.guild._guild.roles.values():
        if role.managed or role.id == world.guild.id:
            world.env.backend.edit_role(world.guild.id, role.id, {"permissions": SILENT.value})


async def test_it_says_hello_in_the_first_channel_with_a_button_that_opens_the_setup(world: Academy) -> None:
    await joins(world, world.guild)

    [message] = world.lobby.history()
    assert HELLO in words(message)
    assert labels(message) == {"Set coaching up": OPEN_SETUP.id()}
    assert await said_anywhere(world) == 1
    answer = await world.admin.click(message, label="Set coaching up")
    assert "### Coaching setup: 4 things to look at" in words(reply(answer))
    assert HELLO in words(world.lobby.last_message), "what all see stays as it is"


async def test_a_stranger_who_presses_its_button_is_refused(world: Academy) -> None:
    await joins(world, world.guild)

    answer = await world.outsider.click(world.lobby.last_message, label="Set coaching up")

    assert words(reply(answer)).startswith("Only admins can do this.")


async def test_the_system_channel_comes_first(world: Academy) -> None:
    world.env.backend.edit_guild(world.guild.id, {"system_channel_id": world.review.id})

    await joins(world, world.guild)

    assert (len(said_in(world.review)), len(said_in(world.lobby))) == (1, 0)


async def test_where_it_may_not_write_in_the_system_channel_it_takes_the_first_where_it_may(
    world: Academy,
) -> None:
    role = next(one for one in world.guild._guild.roles.values() if one.managed)
    quiet, backend = world.guild.create_text_channel("quiet"), world.env.backend
    deny = discord.Permissions(send_messages=True).value
    backend.set_overwrite(quiet.id, Overwrite(target_id=role.id, type=OverwriteType.ROLE, deny=deny))
    backend.edit_guild(world.guild.id, {"system_channel_id": quiet.id})

    await joins(world, world.guild)

    assert (len(said_in(quiet)), len(said_in(world.lobby))) == (0, 1)


async def test_it_says_hello_once_also_after_a_restart_an_outage_and_when_it_is_let_in_again(
    world: Academy,
) -> None:
    await joins(world, world.guild)

    await world.restart()
    await joins(world, world.guild)
    world.env.backend.emit("GUILD_CREATE", serializers.guild_create_payload(world.env.backend, world.guild._guild))
    await world.env.settle()
    await world.restart()

    assert await said_anywhere(world) == 1
    assert len(await welcomes(world)) == 1


async def test_a_server_that_it_was_let_into_while_it_was_not_running_is_greeted_at_the_start(
    world: Academy,
) -> None:
    await world.restart()
    await world.restart()

    assert await said_anywhere(world) == 1


async def test_a_server_that_somebody_uses_already_is_not_greeted_at_the_start(world: Academy) -> None:
    await world.set_up()

    await world.restart()

    assert await said_anywhere(world) == 0


async def test_an_answer_that_got_lost_makes_no_second_hello(world: Academy) -> None:
    path = f"/channels/{world.lobby.id}/messages"
    world.env.inject_error("POST", path, status=500, code=0)

    await joins(world, world.guild)
    before = await said_anywhere(world)
    await world.wait_until(world.now + world.minutes(1))

    assert (before, await said_anywhere(world)) == (0, 1)


async def test_where_discord_refuses_although_it_looked_allowed_the_owner_hears_it(world: Academy) -> None:
    path = f"/channels/{world.lobby.id}/messages"
    world.env.inject_error("POST", path, status=403, code=50013, times=None)

    await joins(world, world.guild)

    assert len(said_to_owner(world)) == 1


async def test_where_it_may_write_nowhere_the_owner_hears_it_without_a_button(world: Academy) -> None:
    silence(world)

    await joins(world, world.guild)

    [hello] = said_to_owner(world)
    assert "go to the server and use `/coaching setup`" in hello
    assert labels(world.guild.owner.dm_channel.last_message) == {}
    assert await said_anywhere(world) == 1


@pytest.mark.parametrize("once_more", ["restart", "let in again"])
async def test_where_the_owners_messages_are_closed_too_it_is_recorded_and_said_when_it_can_be(
    world: Academy, once_more: str
) -> None:
    silence(world)
    dm = world.guild.owner.dm_channel
    world.env.inject_error("POST", f"/channels/{dm.id}/messages", status=403, code=50007, times=None)

    await joins(world, world.guild)
    [recorded] = await welcomes(world)
    world.env.backend.faults.clear()
    if once_more == "restart":
        await world.restart()
    else:
        await joins(world, world.guild)

    assert recorded.given_up_at is not None
    assert (recorded.due_at, recorded.last_error) == (None, "their direct messages are closed")
    assert len(said_to_owner(world)) == (0 if once_more == "restart" else 1)
    assert len(await welcomes(world)) == 1


async def test_each_server_is_greeted_by_itself(world: Academy) -> None:
    elsewhere = world.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    await joins(world, world.guild)

    await joins(world, elsewhere)

    assert len(said_in(hall)) == 1
    assert await said_anywhere(world) == 1
    assert await world.count(Guild) == 2
