"""Someone removes what the bot needs: admins are told at once, and again when it's fixed."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.backend.serializers import guild_create_payload, member_payload
from simcord.enums import OverwriteType

from bot.app import CoachBot
from bot.demo import simcord_private
from bot.discord_api.permissions import INVITE
from models import Alert
from tests.bot.gateway.test_attendance_watch import connected_anew, connection_lost, unheard
from tests.cogs.setup.test_log_channel import titles
from tests.cogs.setup.test_panel import all_but, give, own_role
from tests.support.parameters import first_plain
from tests.support.simulated import Academy


def told(world: Academy) -> list[str]:
    """Return what the owner was told: this server has no alerts or system channel."""
    return titles(world.guild.owner.dm_channel.history())


async def test_a_removed_permission_is_reported_before_anything_fails(world: Academy) -> None:
    give(world, INVITE)
    await world.env.settle()
    assert told(world) == []

    give(world, all_but("manage_channels"))
    await world.env.settle()
    give(world, INVITE)
    await world.env.settle()

    broken, mended = told(world)
    assert "### ⚠️ Coaching needs an admin **Permissions** I'm missing **Manage Channels** in the server." in broken
    assert "### ✅ Solved **Permissions** I'm missing **Manage Channels**" in mended


async def test_a_second_permission_removed_soon_after_is_reported_at_once(world: Academy) -> None:
    for held in (INVITE, all_but("manage_channels"), INVITE, all_but("manage_roles"), INVITE):
        give(world, held)
        await world.leap_to(world.now + world.minutes(40))

    said = [("✅" if "✅" in one else "⚠️", "Manage Channels" in one, "Manage Roles" in one) for one in told(world)]
    assert said == [("⚠️", True, False), ("✅", True, False), ("⚠️", False, True), ("✅", False, True)]


async def test_a_permission_that_flaps_is_reported_once_it_stays_away(world: Academy) -> None:
    for held in (INVITE, all_but("manage_channels"), INVITE, all_but("manage_channels")):
        give(world, held)
        await world.env.settle()
    at_once = len(told(world))

    await world.wait_until(world.now + world.minutes(16))

    assert at_once == 2
    assert ["⚠️" in one for one in told(world)] == [True, False, True]


async def test_the_same_loss_is_reported_once(world: Academy) -> None:
    give(world, all_but("manage_channels"))
    await world.env.settle()

    world.env.backend.edit_role(world.guild.id, world.coach_role.id, {"name": "Coaches"})
    await world.env.settle()
    await world.restart()
    world.env.backend.edit_role(world.guild.id, world.coach_role.id, {"name": "Coach"})
    await world.env.settle()

    assert len(told(world)) == 1


async def test_a_broken_channel_and_role_are_each_reported_with_where_to_click(world: Academy) -> None:
    flags = discord.Permissions(send_messages=True).value
    denied = Overwrite(target_id=own_role(world).id, type=OverwriteType.ROLE, deny=flags)

    world.env.backend.set_overwrite(world.review.id, denied)
    await world.env.settle()
    world.env.backend.delete_channel(world.review.id)  # the same resource, but something else to do about it
    await world.env.settle()
    world.env.backend.delete_role(world.guild.id, world.coach_role.id)
    await world.env.settle()

    lacking, gone, role = told(world)
    assert f"**Review channel** I'm missing **Send Messages** in \\#{world.review.name}. Right-click it" in lacking
    assert "**Review channel** no longer exists." in gone
    assert "**Coach role** no longer exists" in role


async def test_removing_one_of_the_bots_roles_is_noticed(world: Academy) -> None:
    give(world, INVITE)
    bot, backend = cast("CoachBot", world.env.bot), world.env.backend
    backend.remove_member_role(world.guild.id, backend.bot_user.id, own_role(world).id)
    server = backend.get_guild(world.guild.id)
    # Discord sends bots their own updates whatever their intents; the simulated one doesn't.
    update: Any = dict(member_payload(backend, server, server.members[backend.bot_user.id]))
    update["guild_id"] = str(server.id)

    await simcord_private.as_the_bot(world.env, lambda: bot._connection.parse_guild_member_update(update))

    assert "**Permissions** I'm missing" in told(world)[0]


async def test_nothing_breaks_before_the_setup(new_world: Academy) -> None:
    give(new_world, all_but("manage_channels"))
    await new_world.env.settle()

    assert told(new_world) == []
    assert await new_world.count(Alert) == 0


# Changes while the bot was away.


async def restarted(world: Academy) -> None:
    with unheard(world):
        give(world, all_but("manage_channels"))
    await world.restart()


async def reconnected(world: Academy) -> None:
    await connection_lost(world)
    with unheard(world):
        give(world, all_but("manage_channels"))
    await connected_anew(world)


async def back_after_an_outage(world: Academy) -> None:
    server = world.guild._guild
    await emit(world, "GUILD_DELETE", {"id": str(server.id), "unavailable": True})
    with unheard(world):
        give(world, all_but("manage_channels"))
    await emit(world, "GUILD_CREATE", {**guild_create_payload(world.env.backend, server), "unavailable": False})


async def let_in_again(world: Academy) -> None:
    """Remove the bot from the server, and add it again."""
    server = world.guild._guild
    await emit(world, "GUILD_DELETE", {"id": str(server.id)})
    with unheard(world):
        give(world, all_but("manage_channels"))
    payload: Any = dict(guild_create_payload(world.env.backend, server))
    payload.pop("unavailable", None)
    await emit(world, "GUILD_CREATE", payload)


async def emit(world: Academy, event: str, payload: Any) -> None:
    await simcord_private.as_the_bot(world.env, lambda: world.env.backend.emit(event, payload))


@pytest.mark.parametrize("comes_back", first_plain([restarted, reconnected, back_after_an_outage, let_in_again]))
async def test_changes_while_the_bot_was_away_are_reported_when_it_returns(
    world: Academy, comes_back: Callable[[Academy], Awaitable[None]]
) -> None:
    give(world, INVITE)
    await world.env.settle()
    assert told(world) == []

    await comes_back(world)
    broken = told(world)
    await connected_anew(world)
    give(world, INVITE)
    await world.env.settle()

    assert ["I'm missing **Manage Channels** in the server" in one for one in broken] == [True]
    assert [one.partition(" **")[0] for one in told(world)[1:]] == ["### ✅ Solved"]


async def test_a_channel_deleted_while_the_bot_was_away_is_reported(world: Academy) -> None:
    await connection_lost(world)
    with unheard(world):
        world.env.backend.delete_channel(world.review.id)

    await connected_anew(world)

    assert "no longer exists" in told(world)[0]
