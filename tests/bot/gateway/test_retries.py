"""What failed is retried as soon as there's a reason to: nobody waits out a pause."""

from collections.abc import Awaitable, Callable
from typing import Any

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.backend.serializers import guild_create_payload
from simcord.enums import OverwriteType

from bot.demo import simcord_private
from bot.discord_api.permissions import INVITE
from models import CoachingSession
from tests.bot.gateway.test_attendance_watch import connected_anew, connection_lost
from tests.cogs.setup.test_panel import all_but, give, own_role
from tests.support.builders import MINUTE
from tests.support.meetings import booked, reloaded
from tests.support.parameters import first_plain
from tests.support.simulated import Academy


async def fails_for_a_while(world: Academy, made: CoachingSession) -> None:
    """Fail so often that the next retry is minutes away."""
    for _ in range(6):
        await world.leap_to((await reloaded(world, made)).next_step_at or world.now)
    row = await reloaded(world, made)
    assert world.room(made.code) is None
    assert row.next_step_at is not None
    assert row.next_step_at > world.now


async def test_a_permission_granted_again_is_used_at_once(world: Academy) -> None:
    give(world, INVITE)
    made = await booked(world)
    give(world, all_but("manage_channels"))
    await fails_for_a_while(world, made)

    give(world, INVITE)
    await world.env.settle()

    assert world.room(made.code) is not None


@pytest.mark.parametrize("tries", first_plain([5, 13]), ids=["waiting", "given up"])
async def test_a_permission_granted_again_in_one_channel_is_used_at_once(world: Academy, tries: int) -> None:
    flag = discord.Permissions(send_messages=True).value
    denied = Overwrite(target_id=own_role(world).id, type=OverwriteType.ROLE, deny=flag)
    world.env.backend.set_overwrite(world.review.id, denied)
    await world.apply(world.outsider)
    for _ in range(tries):
        await world.leap_to(world.now + 13 * MINUTE)
    assert world.review.history() == []

    world.env.backend.delete_overwrite(world.review.id, own_role(world).id)
    await world.env.settle()

    assert len(world.review.history()) == 1


@pytest.mark.slow
async def test_a_change_that_grants_nothing_causes_no_retry(world: Academy) -> None:
    give(world, INVITE)
    made = await booked(world)
    give(world, all_but("manage_channels"))
    await fails_for_a_while(world, made)
    before = (await reloaded(world, made)).attempts

    give(world, all_but("manage_channels"))
    world.env.backend.edit_channel(world.lobby.id, {"name": "foyer"})
    world.env.backend.edit_role(world.guild.id, world.coach_role.id, {"name": "Coaches"})
    await world.env.settle()

    assert (await reloaded(world, made)).attempts == before


async def resumed(world: Academy) -> None:
    await simcord_private.as_the_bot(world.env, lambda: world.env.bot.dispatch("resumed"))


async def available(world: Academy) -> None:
    payload: Any = dict(guild_create_payload(world.env.backend, world.guild._guild))
    world.env.backend.emit("GUILD_DELETE", {"id": str(world.guild.id), "unavailable": True})
    await world.env.settle()
    world.env.backend.emit("GUILD_CREATE", payload | {"unavailable": False})
    await world.env.settle()


@pytest.mark.parametrize("back", first_plain([resumed, connected_anew, available]), ids=lambda one: one.__name__)
async def test_nothing_waits_once_discord_is_reachable_again(
    world: Academy, back: Callable[[Academy], Awaitable[None]]
) -> None:
    made = await booked(world)
    path = f"/guilds/{world.guild.id}/channels"
    world.env.inject_error("POST", path, status=503, code=0, times=None)
    await fails_for_a_while(world, made)
    world.env.backend.faults.clear()

    await connection_lost(world)
    await back(world)

    assert world.room(made.code) is not None


@pytest.mark.slow
async def test_a_full_server_gets_its_room_once_a_channel_is_deleted(world: Academy) -> None:
    made = await booked(world)
    spare = [world.guild.create_text_channel(f"spare-{number}") for number in range(2)]
    server: Any = world.env.bot.get_guild(world.guild.id)
    server._channels.update({number: spare_channel(server) for number in range(500 - len(server._channels))})
    path = f"/guilds/{world.guild.id}/channels"
    world.env.inject_error("POST", path, status=400, code=30013, times=None)
    await fails_for_a_while(world, made)
    world.env.backend.faults.clear()

    world.env.backend.delete_channel(spare[0].id)
    await world.env.settle()

    assert world.room(made.code) is not None


def spare_channel(server: Any) -> Any:
    """Add one more channel than the bot knows of; creating 500 takes too long."""
    return next(iter(server._channels.values()))
