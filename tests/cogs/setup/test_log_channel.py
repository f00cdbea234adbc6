"""What admins hear where the channel that they chose for problems does not serve, and when it does again."""

from collections.abc import Sequence
from typing import Any

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from scheduler.notifications import admin_alerts
from tests.support.simulated import Academy, words
from tests.support.transactions import transact

LOG = "I can't post in the alerts channel"


async def choose(world: Academy, place: Any) -> None:
    await world.choose(log_channel_id=place.id)


async def fails(world: Academy, key: str) -> None:
    """Something goes wrong that only an admin can mend; the loop tells it, and what comes of telling it."""
    await transact(world.db, admin_alerts.raise_alert, world.guild.id, key, f"{key} does not work.", world.now)
    await world.wait_until(world.now + world.minutes(21))


async def works(world: Academy, key: str) -> None:
    await transact(world.db, admin_alerts.resolve, world.guild.id, key, world.now)
    await world.wait_until(world.now + world.minutes(21))


def deny(world: Academy, place: Any, **permissions: bool) -> None:
    role = next(one for one in world.guild._guild.roles.values() if one.managed)
    flags = discord.Permissions(**permissions).value
    world.env.backend.set_overwrite(place.id, Overwrite(target_id=role.id, type=OverwriteType.ROLE, deny=flags))


def allow(world: Academy, place: Any) -> None:
    role = next(one for one in world.guild._guild.roles.values() if one.managed)
    world.env.backend.delete_overwrite(place.id, role.id)


def titles(messages: Sequence[Any]) -> list[str]:
    """Whether each is of a problem or of its end, and of which."""
    return [" ".join(words(one).split("\n")[:2]) for one in messages]


@pytest.fixture
async def log_channel(world: Academy) -> Any:
    place = world.guild.create_text_channel("log")
    await choose(world, place)
    return place


@pytest.mark.parametrize("denied", [{"send_messages": True}, {"view_channel": True}])
@pytest.mark.parametrize("where", ["system channel", "owner"])
async def test_where_the_bot_may_not_write_in_the_log_channel_admins_hear_it_elsewhere_and_once(
    world: Academy, log_channel: Any, denied: dict[str, bool], where: str
) -> None:
    if where == "system channel":
        world.env.backend.edit_guild(world.guild.id, {"system_channel_id": world.lobby.id})
    place = world.lobby if where == "system channel" else world.guild.owner.dm_channel
    deny(world, log_channel, **denied)

    await fails(world, "a")
    await fails(world, "b")

    told = titles(place.history())
    assert [one.startswith("### ⚠️ Coaching needs an admin") for one in told] == [True] * 3
    assert sum(LOG in one for one in told) == 1
    assert sum("A does not work." in one for one in told) == sum("B does not work." in one for one in told) == 1
    assert log_channel.history() == []


async def test_when_it_serves_again_admins_hear_that_there(world: Academy, log_channel: Any) -> None:
    deny(world, log_channel, send_messages=True)
    await fails(world, "a")
    allow(world, log_channel)

    await fails(world, "b")

    told = titles(log_channel.history())
    assert [one for one in told if one.startswith("### ✅ This works again") and LOG in one]
    assert [one for one in told if "B does not work." in one]
    assert len(told) == 2


@pytest.mark.parametrize("how", ["another", "none"])
async def test_another_channel_or_none_is_the_end_of_it(world: Academy, log_channel: Any, how: str) -> None:
    owner = world.guild.owner.dm_channel
    deny(world, log_channel, send_messages=True)
    await fails(world, "a")

    if how == "another":
        await choose(world, world.review)
    else:
        await world.press_custom_id(world.admin, "setup:clear:3")
    await world.wait_until(world.now + world.minutes(21))

    place = world.review if how == "another" else owner
    assert [LOG in one for one in titles(place.history()) if "works again" in one] == [True]


async def test_a_log_channel_that_is_gone_is_told_elsewhere(world: Academy, log_channel: Any) -> None:
    world.env.backend.delete_channel(log_channel.id)

    await fails(world, "a")

    told = titles(world.guild.owner.dm_channel.history())
    assert sorted(LOG in one for one in told) == [False, True]


async def test_where_the_owners_messages_are_closed_too_nothing_breaks_and_it_is_told_later(
    world: Academy, log_channel: Any
) -> None:
    dm = world.guild.owner.dm_channel
    deny(world, log_channel, send_messages=True)
    world.env.inject_error("POST", f"/channels/{dm.id}/messages", status=403, code=50007, times=None)
    await fails(world, "a")
    allow(world, log_channel)

    await world.leap_to(world.now + world.minutes(25 * 60))
    await fails(world, "a")

    assert [one for one in titles(log_channel.history()) if "A does not work." in one]


async def test_what_works_again_is_told_where_problems_are_told(world: Academy, log_channel: Any) -> None:
    await fails(world, "a")

    await works(world, "a")

    assert [one.split(" ")[1] for one in titles(log_channel.history())] == ["⚠️", "✅"]
