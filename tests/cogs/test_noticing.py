"""Somebody takes away what the bot works with: admins hear of it at once, and again when it is mended."""

from typing import Any, cast

import discord
from simcord.backend.models import Overwrite
from simcord.backend.serializers import member_payload
from simcord.enums import OverwriteType
from sqlalchemy import select

from bot.app import CoachBot
from bot.demo import simulation
from bot.permissions import INVITE
from models import Problem
from tests.cogs.test_log_channel import titles
from tests.cogs.test_setup import all_but, give, own_role
from tests.simulated import Academy


def told(world: Academy) -> list[str]:
    """What the owner has been told, as this server has neither log channel nor system channel."""
    return titles(world.guild.owner.dm_channel.history())


async def problem(world: Academy, key: str) -> str:
    async with world.db.read() as session:
        return await session.scalar(select(Problem.text).where(Problem.key == key)) or ""


async def test_a_permission_that_is_taken_away_is_told_before_anything_fails(open_world: Academy) -> None:
    world = open_world
    give(world, INVITE)
    await world.env.settle()
    assert told(world) == []

    give(world, all_but("manage_channels"))
    await world.env.settle()
    give(world, INVITE)
    await world.env.settle()

    broken, mended = told(world)
    assert "### ⚠️ Coaching needs an admin **Permissions** I lack **Manage Channels** in the server." in broken
    assert "### ✅ This works again **Permissions** I lack **Manage Channels**" in mended


async def test_the_same_loss_seen_again_is_told_once(open_world: Academy) -> None:
    world = open_world
    give(world, all_but("manage_channels"))
    await world.env.settle()

    world.env.backend.edit_role(world.guild.id, world.coach_role.id, {"name": "Coaches"})
    await world.env.settle()
    await world.restart()
    world.env.backend.edit_role(world.guild.id, world.coach_role.id, {"name": "Coach"})
    await world.env.settle()

    assert len(told(world)) == 1


async def test_a_channel_a_role_and_a_place_that_break_are_told_each_with_where_to_click(
    open_world: Academy,
) -> None:
    world = open_world
    flags = discord.Permissions(send_messages=True).value
    denied = Overwrite(target_id=own_role(world).id, type=OverwriteType.ROLE, deny=flags)

    world.env.backend.set_overwrite(world.review.id, denied)
    await world.env.settle()
    world.env.backend.delete_channel(world.review.id)  # of the same place, so it is not told again so soon
    await world.env.settle()
    world.env.backend.delete_role(world.guild.id, world.coach_role.id)
    await world.env.settle()

    lacking, role = told(world)
    assert f"**Applications** I lack **Send Messages** in {world.review.mention}. Right-click it" in lacking
    assert (await problem(world, "setup:review_channel")).startswith(
        "**Applications** What was chosen does not exist"
    )
    assert "**Coach role** What was chosen does not exist any more" in role


async def test_a_role_of_the_bots_own_that_is_taken_from_it_is_noticed(open_world: Academy) -> None:
    world = open_world
    give(world, INVITE)
    bot, backend = cast("CoachBot", world.env.bot), world.env.backend
    backend.remove_member_role(world.guild.id, backend.bot_user.id, own_role(world).id)
    server = backend.get_guild(world.guild.id)
    # Discord sends a bot its own updates whatever its intents; the simulated one does not.
    update: Any = dict(member_payload(backend, server, server.members[backend.bot_user.id]))
    update["guild_id"] = str(server.id)

    await simulation.as_the_bot(world.env, lambda: bot._connection.parse_guild_member_update(update))

    assert "**Permissions** I lack" in told(world)[0]


async def test_what_nobody_has_set_up_cannot_break(world: Academy) -> None:
    give(world, all_but("manage_channels"))
    await world.env.settle()

    assert told(world) == []
    assert await world.count(Problem) == 0
